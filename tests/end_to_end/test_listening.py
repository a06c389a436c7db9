"""Where a master listens and where it does not: without a password, anyone who reaches a socket can run programs."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from procman.client.api_client import Client
from tests.support.free_ports import free_port
from tests.support.listening_sockets import listening
from tests.support.log_lines import LogLines
from tests.support.master_process import Master, environment
from tests.support.running_master import SLEEPER, RunningMaster

REFUSED = r"CRIT not listening on {}: everybody who reaches it could run programs here; set username= and password= in"


@pytest.fixture
def master(tmp_path) -> Iterator:
    """Starts a master with these [inet_http_server:sN] sections, in which {0}, {1}, … are ports.

    Returns the master and the ports.
    """
    masters = []

    def start(*sections: str) -> tuple[RunningMaster, list[int]]:
        ports = [free_port() for _ in sections]
        servers = "".join(
            f"[inet_http_server:s{number}]\nport={section.format(*ports)}\n" for number, section in enumerate(sections)
        )
        masters.append(RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n{servers}"))
        return masters[-1], ports

    yield start
    for one in masters:
        one.close()


def test_a_socket_that_was_removed_is_there_again_after_sigusr2(tmp_path):
    """SIGUSR2 creates a removed socket again; connected clients notice nothing, and it survives an upgrade."""
    with contextlib.closing(RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n")) as running:
        running.wait_for("web entered RUNNING")
        with contextlib.closing(Client(f"unix://{running.socket}")) as connected:
            pid = connected.call("GET", "/v1/master")["pid"]
            os.unlink(running.socket)
            running.signal(signal.SIGUSR2)
            running.wait_for("had been removed; it is there again")
            assert connected.call("GET", "/v1/master")["pid"] == pid
        assert os.stat(running.socket).st_mode & 0o777 == 0o700
        assert running.ctl("upgrade").returncode == 0
        assert running.ctl("status").stdout.split()[:2] == ["web", "RUNNING"]
        assert running.stop() == 0
        assert not os.path.exists(running.socket)


def test_the_path_of_its_file_leads_to_a_master_whatever_the_file_says(tmp_path):
    """A link in the run-time directory leads from the file's path to its master, until the master ends."""
    (tmp_path / "1").mkdir()
    file = tmp_path / "1" / "supervisord.conf"
    socket = tempfile.mkdtemp(prefix="pm") + "/s"
    file.write_text(
        f"[unix_http_server]\nfile={socket}\n[supervisord]\npidfile=/dev/null\nlogfile=/dev/null\n"
        f"[program:web]\ncommand={SLEEPER}\n"
    )
    given = tmp_path / "current"
    given.symlink_to("1")
    with Master(given / "supervisord.conf") as running:
        running.expect("web entered RUNNING")
        folder = running.runtime_dir / "procman"
        assert {str(link.readlink()) for link in folder.glob("*.sock")} == {socket}
        file.write_text(file.read_text().replace(socket, "/nowhere/else"))
        assert running.ctl("status").returncode == 0
        given.unlink()  # and turned to another release, as a deployment does
        given.mkdir()
        (given / "supervisord.conf").write_text(file.read_text())
        assert running.ctl("upgrade").returncode == 0
        assert running.ctl("status").returncode == 0
        shutil.rmtree(folder)
        running.signal(signal.SIGUSR2)
        running.expect("log reopen request")
        while not list(folder.glob("*.sock")):
            os.sched_yield()
        assert running.ctl("health", "--live").returncode == 0
        assert running.stop() == 0
        assert list(folder.glob("*.sock")) == []
    os.rmdir(os.path.dirname(socket))


def test_sockets_that_killed_masters_left_are_removed_by_the_next(tmp_path):
    """The next master removes sockets of killed masters, and keeps those of running ones and other files."""
    text = f"[supervisord]\npidfile=/dev/null\nlogfile=/dev/null\n[program:web]\ncommand={SLEEPER}\n"
    for name in ("dead", "live", "next"):
        (tmp_path / f"{name}.conf").write_text(text)
    with tempfile.TemporaryDirectory(prefix="pm") as runtime:
        folder = Path(runtime, "procman")

        def there() -> list[str]:
            return sorted(path.name.partition("-")[0] for path in folder.glob("*.sock"))

        with Master(tmp_path / "dead.conf", XDG_RUNTIME_DIR=runtime) as dead:
            dead.expect("spawned: 'web' with pid")
            with Master(tmp_path / "live.conf", XDG_RUNTIME_DIR=runtime) as live:
                live.expect("web entered RUNNING")
                (child,) = Path(f"/proc/{dead.pid}/task/{dead.pid}/children").read_text().split()
                dead.signal(signal.SIGKILL)
                dead.process.wait()
                os.kill(int(child), signal.SIGKILL)
                (folder / "dangling.sock").symlink_to("/nowhere/s")
                (folder / "kept.sock").write_text("no socket")
                assert there() == ["dangling.sock", "dead", "kept.sock", "live"]
                with Master(tmp_path / "next.conf", XDG_RUNTIME_DIR=runtime) as following:
                    following.expect("web entered RUNNING")
                    assert there() == ["kept.sock", "live", "next"]
                    assert live.ctl("health", "--live").returncode == 0
                    assert following.stop() == 0
                assert live.stop() == 0


def test_a_private_socket_is_made_again_with_its_folder(tmp_path):
    """A removed private socket is created again with its directory; if that fails, it is logged."""
    file = tmp_path / "supervisord.conf"
    file.write_text(f"[supervisord]\npidfile=/dev/null\nlogfile=/dev/null\n[program:web]\ncommand={SLEEPER}\n")
    with Master(file) as running:
        running.expect("web entered RUNNING")
        folder = running.runtime_dir / "procman"
        shutil.rmtree(folder)
        folder.write_text("in the way")
        running.signal(signal.SIGUSR2)
        running.expect("cannot use .* for the control socket: it is not a folder")
        folder.unlink()
        running.signal(signal.SIGUSR2)
        running.expect("had been removed; it is there again")
        assert running.ctl("status").stdout.split()[:2] == ["web", "RUNNING"]
        assert running.stop() == 0


def test_without_a_password_only_loopback_is_listened_on(master):
    """Without a password, addresses beyond loopback are refused with reason and remedy; everything else runs."""
    refused = (
        "*:{0}",
        "{1}",
        "0.0.0.0:{2}",
        "192.0.2.1:{3}",
        "*:{4}\nusername=\npassword=",
        "*:{5}\nusername=me\npassword=",
    )
    taken = ("127.0.0.1:{6}", "localhost:{7}", "127.9.8.7:{8}", "*:{9}\nusername=me\npassword=secret")
    running, ports = master(*refused, *taken)
    running.wait_for("web entered RUNNING")
    shown = ("*", "*", "0.0.0.0", "192.0.2.1", "*", "*")
    for number, host in enumerate(shown):
        assert re.search(
            REFUSED.format(re.escape(f"{host}:{ports[number]}")) + rf" \[inet_http_server:s{number}\]", running.text
        )
    hosts = ("127.0.0.1", "127.0.0.1", "127.9.8.7", "0.0.0.0")
    assert listening(running.pid) == set(zip(hosts, ports[6:], strict=True))
    # What `procman check` says of the file, with the line, is in the log, too.
    assert running.text.count(" port: the master will not listen on ") == len(refused)
    assert running.text.count(" username: it is empty, so no password is required") == 1
    # All users of the machine are some, too.
    warned = re.findall(r"WARN (\[.*) has no password: every user of this machine", running.text)
    assert warned == [f"[inet_http_server:s{number}]" for number in (6, 7, 8)]


def test_it_listens_for_everybody_where_that_is_spelled_out(master):
    """With allow_unauthenticated it listens everywhere, with a warning; not if there is a password, nor on loopback."""
    running, ports = master(
        "*:{0}\nallow_unauthenticated=true",
        "*:{1}\nallow_unauthenticated=true\nusername=me\npassword=secret",
        "127.0.0.1:{2}\nallow_unauthenticated=true",
    )
    running.wait_for("web entered RUNNING")
    assert listening(running.pid) == {("0.0.0.0", ports[0]), ("0.0.0.0", ports[1]), ("127.0.0.1", ports[2])}
    assert "not listening" not in running.text
    warned = re.findall(r"WARN (\[.*) has no password: everybody who reaches (\S+) can run", running.text)
    assert warned == [("[inet_http_server:s0]", f"*:{ports[0]}")]
    assert running.text.count("has no password") == 1
    with contextlib.closing(Client(f"http://127.0.0.1:{ports[0]}")) as client:
        assert client.call("GET", "/v1/master")["may_control"] is True


# A machine whose resolver has its own opinion of localhost.
ELSEWHERE = """
import socket, sys
from procman.cli.procman import main
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: look_up("0.0.0.0", *more, **named)
main(["-c", sys.argv[1]])
"""


def test_a_name_is_not_taken_for_loopback_where_it_means_something_else(tmp_path):
    """A host name counts as loopback only if the bound address is one."""
    port = free_port()
    file = tmp_path / "f.conf"
    file.write_text(
        f"[supervisord]\nlogfile={tmp_path}/log\npidfile={tmp_path}/pid\n[inet_http_server]\nport=localhost:{port}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(tmp_path),
    )
    with process:
        log = LogLines(process)
        log.expect(REFUSED.format(f"localhost:{port}, which is 0.0.0.0"), "procman started with pid")
        assert listening(process.pid) == set()
        process.terminate()
        assert log.to_the_end() == 0


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", ["[::1]", "::1"])
def test_ipv6_is_spoken_with_brackets_or_without(master, host):
    """IPv6 addresses work with and without brackets; without IPv6 the start fails with the reason."""
    running, (port,) = master(f"{host}:{{0}}")
    if not has_ipv6():
        assert running.to_the_end() == 2
        assert f"cannot listen on [::1]:{port}: " in running.text
        return
    running.wait_for("web entered RUNNING")
    assert listening(running.pid) == {("::1", port)}
    with contextlib.closing(Client(f"http://[::1]:{port}")) as client:
        assert client.call("GET", "/v1/processes/web")["processes"][0]["statename"] == "RUNNING"


def test_every_interface_of_both_families_is_one_address(master):
    """A star means IPv4, as in supervisord; [::] means both families."""
    if not has_ipv6():
        return
    running, (port,) = master("[::]:{0}\nusername=me\npassword=secret")
    running.wait_for("web entered RUNNING")
    assert listening(running.pid) == {("::", port)}
    for host in ("127.0.0.1", "[::1]"):
        with contextlib.closing(Client(f"http://{host}:{port}", "me", "secret")) as client:
            assert client.call("GET", "/v1/master")["may_control"] is True


def test_a_port_that_is_taken_keeps_it_from_starting(master):
    """A port in use stops the start before any program, with server and remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running, _ = master(f"127.0.0.1:{port}")
        assert running.to_the_end() == 2
    assert (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; stop the program that listens there"
        in running.text
    )
    assert "spawned" not in running.text

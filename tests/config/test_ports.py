"""`procman check` checks whether the ports of a file are free."""

import os
import socket

import pytest

from procman.config.assumptions import Assumptions
from procman.config.load import read
from tests.support.free_ports import free_port


@pytest.fixture
def port():
    """A port that is in use."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def complaints(folder, text, **more):
    """(line, option, severity, message) of each problem about ports."""
    path = folder / "supervisord.conf"
    path.write_text(f"[supervisord]\npidfile={folder}/pid\nlogfile=/dev/null\n{text}")
    loaded = read(str(path), **{"places": True, **more})
    assert loaded.config is not None, loaded.problems
    found = [problem for problem in loaded.problems if problem.slug == "port-in-use"]
    return [(problem.line, problem.option, problem.severity, problem.message) for problem in found]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_port_in_use_is_told(tmp_path, port, host):
    """A master, or a FastCGI program, could not start."""
    assert complaints(tmp_path, f"[inet_http_server]\nport={host}:{port}\n") == [
        (
            5,
            "port",
            "warning",
            f"another program listens on {host}:{port}, so the master could not start: stop it, or name another port",
        )
    ]
    fcgi = f"[fcgi-program:app]\ncommand=sh\nstdout_logfile=NONE\nstderr_logfile=NONE\nsocket=tcp://{host}:{port}\n"
    [(line, option, _, message)] = complaints(tmp_path, fcgi)
    assert (line, option) == (8, "socket")
    assert "so the program could not be started" in message
    assert complaints(tmp_path, fcgi, places=False) == []
    assert complaints(tmp_path, fcgi, assume=Assumptions(host_node_name="other")) == []


def test_a_port_that_is_free_is_left_alone(tmp_path, port):
    """The check leaves no listener behind."""
    free = free_port()
    for _ in range(2):
        assert complaints(tmp_path, f"[inet_http_server]\nport=127.0.0.1:{free}\n") == []


def test_what_the_running_master_of_the_file_holds_is_its_own(tmp_path, port):
    """A check before an update must not report the master's own ports."""
    text = f"[inet_http_server]\nport=127.0.0.1:{port}\n"
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    assert complaints(tmp_path, text) == []
    # A child of this process that has not got the port.
    child = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    try:
        (tmp_path / "pid").write_text(f"{child}\n")
        assert len(complaints(tmp_path, text)) == 1
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    (tmp_path / "pid").write_text("no number\n")
    assert len(complaints(tmp_path, text)) == 1


def test_the_listener_on_its_control_socket_is_its_master(tmp_path, port):
    """The master is found without a pid file."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        text = f"[unix_http_server]\nfile={tmp_path}/s\n[inet_http_server]\nport=127.0.0.1:{port}\n"
        assert len(complaints(tmp_path, text)) == 1
        sock.listen()
        assert complaints(tmp_path, text) == []


def test_an_address_that_the_machine_has_not_is_told(tmp_path):
    """192.0.2.0/24 is reserved for examples (RFC 5737)."""
    [(_, _, _, message)] = complaints(tmp_path, "[inet_http_server]\nport=192.0.2.1:9\nallow_unauthenticated=true\n")
    assert "this machine has no address 192.0.2.1" in message
    assert "*:9" in message


def test_one_port_of_two_sections_is_told(tmp_path):
    """Only one of them could listen."""
    free = free_port()
    text = (
        f"[inet_http_server:a]\nport=127.0.0.1:{free}\n"
        f"[inet_http_server:b]\nport=*:{free}\nallow_unauthenticated=true\n"
    )
    [(line, _, _, message)] = complaints(tmp_path, text)
    assert line == 7
    assert f"another section of this file listens on port {free} too" in message

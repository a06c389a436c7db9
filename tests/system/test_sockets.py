"""The sockets that the master listens on: their mode, what is in the way, and what is said then."""

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from procman.errors import CannotListen
from procman.system.sockets import (
    PATH_MAX,
    UnixAddress,
    lead_to,
    listen_tcp,
    listen_unix,
    remove_socket,
    remove_stale,
)
from tests.support.forked import in_fork

NOBODY = 65534


def refusal(path) -> str:
    with pytest.raises(CannotListen) as caught:
        listen_unix(UnixAddress(str(path)))
    return str(caught.value)


def mode(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A folder that can be named in a few bytes, whatever pytest calls its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_listens(short):
    """A client can connect, and the socket never blocks."""
    with listen_unix(UnixAddress("s")) as sock, socket.socket(socket.AF_UNIX) as client:
        assert not sock.getblocking()
        assert not sock.get_inheritable()
        client.connect("s")
        sock.accept()[0].close()


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
@pytest.mark.parametrize("wanted", [0o700, 0o770, 0o777, 0o600])
def test_its_mode_is_what_was_asked_for(short, umask, wanted):
    """Whatever umask the master has, which stays as it was."""
    before = os.umask(umask)
    try:
        listen_unix(UnixAddress("s", wanted)).close()
        assert mode("s") == wanted
    finally:
        assert os.umask(before) == umask


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_its_owner_is_who_was_asked_for(short):
    """-1 leaves the group, or the user, as it is."""
    listen_unix(UnixAddress("s", owner=(NOBODY, -1))).close()
    assert (os.stat("s").st_uid, os.stat("s").st_gid) == (NOBODY, os.getegid())


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody who cannot give a file away")
def test_an_owner_that_cannot_be_given(short):
    """The file is taken away again."""
    short.chmod(0o777)

    def as_nobody() -> str:
        os.setuid(NOBODY)
        with pytest.raises(CannotListen) as caught:
            listen_unix(UnixAddress("s", owner=(0, 0)))
        return str(caught.value)

    expected = "cannot give s its owner or mode: Operation not permitted; check chown= and chmod="
    assert in_fork(as_nobody) == expected
    assert not os.path.lexists("s")


def test_a_stale_socket_is_replaced(short):
    """A master that was killed left it."""
    listen_unix(UnixAddress("s")).close()
    assert os.path.exists("s")
    with listen_unix(UnixAddress("s")), socket.socket(socket.AF_UNIX) as client:
        client.connect("s")


def test_a_live_socket_is_refused_with_the_pid_of_its_master(short):
    """A live socket is refused, and goes on working."""
    with listen_unix(UnixAddress("s")), socket.socket(socket.AF_UNIX) as client:
        expected = f"cannot listen on s: procman is already running there (pid {os.getpid()}); stop it first"
        assert refusal("s") == expected
        client.connect("s")


def test_a_live_socket_that_is_too_busy_to_answer_is_refused_too(short):
    """A full backlog is somebody; the start is not held up by it."""
    with listen_unix(UnixAddress("s"), backlog=0), socket.socket(socket.AF_UNIX) as client:
        client.connect("s")
        assert refusal("s").startswith("cannot listen on s: procman is already running there")


def test_a_path_that_is_too_long(short):
    """Its length and the most there can be; the longest there can be works."""
    listen_unix(UnixAddress("s" * PATH_MAX)).close()
    long = "s" * (PATH_MAX + 1)
    expected = (
        f"cannot listen on {long}: the path has 108 bytes and a socket's may have 107; "
        "choose a shorter one with file= in [unix_http_server]"
    )
    assert refusal(long) == expected


def test_a_directory_that_is_missing(short):
    """It is named."""
    expected = (
        "cannot listen on no/s: there is no directory no; "
        "create it, or choose another path with file= in [unix_http_server]"
    )
    assert refusal("no/s") == expected


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody whom a directory is closed to")
def test_a_directory_that_is_not_writable(short):
    """It is named."""
    (short / "closed").mkdir(mode=0o755)
    short.chmod(0o755)

    def as_nobody() -> str:
        os.setuid(NOBODY)
        return refusal("closed/s")

    expected = (
        "cannot listen on closed/s: the directory closed is not writable; "
        "choose another path with file= in [unix_http_server]"
    )
    assert in_fork(as_nobody) == expected


@pytest.mark.parametrize("make", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone(short, make):
    """Somebody's file is not ours to replace."""
    path = short / "s"
    match make:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("elsewhere")
    assert refusal("s").startswith("cannot listen on s: there is a file that is no socket")
    assert os.path.lexists(path)


def test_removing_a_socket_that_has_gone_is_no_error(short):
    """Somebody was faster."""
    listen_unix(UnixAddress("s")).close()
    remove_socket("s")
    remove_socket("s")
    assert not os.path.exists("s")


# ---- tcp


def test_it_listens_on_tcp():
    """On that host and port alone."""
    with listen_tcp("127.0.0.1", 0) as sock, socket.create_connection(sock.getsockname()):
        assert sock.getsockname()[0] == "127.0.0.1"
        assert not sock.getblocking()
        assert not sock.get_inheritable()


def test_no_host_is_every_interface():
    """As `*:9001` and `9001` are."""
    with listen_tcp("", 0) as sock:
        assert sock.getsockname()[0] in ("0.0.0.0", "::")


def test_a_port_that_is_taken():
    """With the way out."""
    with listen_tcp("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            listen_tcp("127.0.0.1", port)
    expected = (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; "
        "stop the program that listens there, or choose another port"
    )
    assert str(caught.value) == expected


@pytest.mark.parametrize("host", ["host.invalid", "no..name", "x" * 300])
def test_a_host_that_is_not_there(host):
    """A name that nobody knows, and what cannot be a name at all."""
    with pytest.raises(CannotListen, match=rf"cannot listen on {host}:9001: .*; check port= in"):
        listen_tcp(host, 9001)


def test_an_address_that_is_not_ours():
    """Nothing has to be stopped for it, so nobody is told to."""
    with pytest.raises(CannotListen) as caught:
        # https://www.rfc-editor.org/rfc/rfc5737: an address that no machine has.
        listen_tcp("192.0.2.1", 9001)
    assert "no interface of this machine has that address" in str(caught.value)


def test_ipv6():
    """An address of that kind is listened on as such."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"there is no IPv6 here: {error}")
    with listen_tcp("::1", 0) as sock, socket.create_connection(sock.getsockname()[:2]):
        assert sock.family == socket.AF_INET6


def test_of_many_that_bind_at_once_exactly_one_listens(short):
    """The others are told that somebody is there, even where a stale socket tempts all of them to replace it."""
    path = "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, [path] * 8))
    listening = [answer for answer in answers if not isinstance(answer, CannotListen)]
    assert len(listening) == 1
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    listening[0].close()


def attempt(path):
    try:
        return listen_unix(UnixAddress(path))
    except CannotListen as refusal:
        return refusal


def test_a_link_leads_to_a_socket_unless_somebody_listens_behind_it(short):
    """What a master that was killed has left is replaced, what belongs to one that runs is not."""
    (short / "link").symlink_to("nothing")
    with listen_unix(UnixAddress("one")), listen_unix(UnixAddress("two")):
        assert lead_to("link", "one")
        assert lead_to("link", "one")
        assert not lead_to("link", "two")
        assert os.readlink("link") == "one"
    with listen_unix(UnixAddress("three")):
        assert lead_to("link", "three")
    assert os.readlink("link") == "three"
    assert not lead_to("no folder/link", "three")


def test_what_is_stale_is_taken_away(short):
    """Sockets on which nobody listens, and links to nothing; not what has another name, or is no socket."""
    for name in ("a.sock", "b.state"):
        listen_unix(UnixAddress(name)).close()
    (short / "c.sock").symlink_to("a.sock")
    (short / "d.sock").write_text("")
    (short / "e.sock").mkdir()
    with listen_unix(UnixAddress("live.sock")):
        (short / "f.sock").symlink_to("live.sock")
        remove_stale(".")
        assert sorted(os.listdir()) == ["b.state", "d.sock", "e.sock", "f.sock", "live.sock"]
    remove_stale("no such folder")

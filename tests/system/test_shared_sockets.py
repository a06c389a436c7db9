"""The sockets that FastCGI programs share: what they are, how long they live, and what is said where none can be."""

import contextlib
import os
import re
import resource
import socket
import stat
import struct
from itertools import takewhile

import pytest

from procman.config.schema.groups import FcgiSocket
from procman.system.commands import CannotSpawn
from procman.system.shared_sockets import SharedSockets
from tests.support.forked import in_fork

NOBODY = 65534
# An address on the loopback that no other test process has, so that every port on it is free.
HOST = "127." + ".".join(map(str, os.getpid().to_bytes(3, "big")))


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A folder that can be named in a few bytes, whatever pytest calls its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said():
    return []


@pytest.fixture
def sockets(said, short):
    with contextlib.closing(SharedSockets(said.append)) as sockets:
        yield sockets


def unix(path="s", **options) -> FcgiSocket:
    return FcgiSocket(kind="unix", url=f"unix://{path}", path=path, **options)


def tcp(port=9000, host=HOST, **options) -> FcgiSocket:
    return FcgiSocket(kind="tcp", url=f"tcp://{host}:{port}", host=host, port=port, **options)


def refusal(sockets, wanted, name="web", group="web") -> str:
    with pytest.raises(CannotSpawn) as caught:
        sockets.take(name, group, wanted)
    return str(caught.value)


def answers(address) -> bool:
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
        try:
            client.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def queue_length(path) -> int:
    """How many connections to a unix socket that nobody accepts there can be."""
    with contextlib.ExitStack() as stack:

        def connects(_) -> bool:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            try:
                client.connect(path)
            except BlockingIOError:
                return False
            return True

        return sum(1 for _ in takewhile(connects, range(1000)))


def backlog(sock) -> int:
    """Of a TCP socket; the field of struct tcp_info that says so while it listens is called tcpi_sacked."""
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 28)[0]


def identity(path):
    status = os.stat(path)
    return status.st_ino, status.st_mode, status.st_uid, status.st_gid


# ---- what it is


@pytest.mark.parametrize("wanted", [unix(), tcp()], ids=["unix", "tcp"])
def test_it_listens_and_blocks(sockets, wanted):
    """An application that accepts on its fd 0 waits there for its next client."""
    fd = sockets.take("web", "web", wanted)
    assert os.get_blocking(fd)
    assert not os.get_inheritable(fd)
    with socket.socket(fileno=os.dup(fd)) as sock:
        assert sock.type == socket.SOCK_STREAM
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert sock.getsockname() == (wanted.path or (wanted.host, wanted.port))
        assert answers(sock.getsockname())


def test_all_processes_have_the_same_one(sockets, said):
    """It is opened once."""
    assert sockets.take("web:0", "web", unix()) == sockets.take("web:1", "web", unix())
    assert said == ["Creating socket unix://s"]


def test_nobody_but_the_user_may_connect_unless_more_is_said(sockets):
    """Whatever umask the master has."""
    before = os.umask(0)
    try:
        sockets.take("web", "web", unix())
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("s").st_mode) == 0o700


def test_its_mode_is_what_was_asked_for(sockets):
    """Whatever umask the master has."""
    sockets.take("web", "web", unix(mode=0o666))
    assert stat.S_IMODE(os.stat("s").st_mode) == 0o666


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_its_owner_is_who_was_asked_for(sockets):
    """A user without a group leaves the group as it is."""
    sockets.take("web", "web", unix(owner_ids=(NOBODY, -1)))
    assert identity("s")[2:] == (NOBODY, os.getegid())


def test_as_many_clients_may_wait_as_the_backlog_says(sockets):
    """For a unix socket there is room for one more than the number."""
    sockets.take("web", "web", unix(backlog=5))
    assert queue_length("s") == 6
    with socket.socket(fileno=os.dup(sockets.take("tcp", "tcp", tcp(backlog=5)))) as sock:
        assert backlog(sock) == 5


def test_without_a_backlog_it_is_as_long_as_the_system_allows(sockets):
    """The kernel cuts SOMAXCONN down to its own limit."""
    with socket.socket(fileno=os.dup(sockets.take("web", "web", tcp()))) as sock, socket.socket() as longest:
        longest.listen(socket.SOMAXCONN)
        assert backlog(sock) == backlog(longest)


# ---- how long it lives


@pytest.mark.parametrize("wanted", [unix(), tcp()], ids=["unix", "tcp"])
def test_it_is_closed_after_the_last_process(sockets, said, wanted):
    """The socket accepts connections until the last process has ended."""
    address = wanted.path or (wanted.host, wanted.port)
    for number in range(3):
        sockets.take(f"web:{number}", "web", wanted)
    sockets.release("web:1")
    sockets.release("web:0")
    assert answers(address)
    sockets.release("web:2")
    assert not answers(address)
    assert said == [f"Creating socket {wanted.url}", f"Closing socket {wanted.url}"]


def test_its_file_goes_with_it(sockets):
    """No stale socket is left behind."""
    sockets.take("web", "web", unix())
    sockets.release("web")
    assert not os.path.lexists("s")


@pytest.mark.parametrize("wanted", [unix(), tcp()], ids=["unix", "tcp"])
def test_it_is_opened_anew_for_the_next_process(sockets, said, wanted):
    """Even while somebody is still connected through the old one."""
    address = wanted.path or (wanted.host, wanted.port)
    fd = os.dup(sockets.take("web", "web", wanted))
    with socket.socket(fileno=fd) as application, socket.socket(application.family) as client:
        client.connect(address)
        connection = application.accept()[0]
        application.close()
        sockets.release("web")
        sockets.take("web", "web", wanted)
        assert answers(address)
        connection.close()
    assert len(said) == 3


def test_who_holds_none_may_release_it(sockets, said):
    """As every program does that shares nothing."""
    sockets.take("web", "web", unix())
    sockets.release("other")
    assert answers("s")
    assert len(said) == 1


def test_a_file_that_somebody_else_made_there_is_left_alone(sockets):
    """It is not ours to remove."""
    sockets.take("web", "web", unix())
    os.unlink("s")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("s")
        other.listen()
        sockets.release("web")
        assert answers("s")


def test_at_the_end_all_are_closed(sockets, said):
    """At the end all sockets are closed, also those that are still held."""
    sockets.take("web", "web", unix())
    sockets.take("tcp", "tcp", tcp())
    sockets.close()
    assert not os.path.lexists("s")
    assert not answers((HOST, 9000))
    assert said[2:] == ["Closing socket unix://s", f"Closing socket {tcp().url}"]
    sockets.release("web")
    assert len(said) == 4


# ---- an update, while processes of before have not ended yet


def test_another_address_is_another_socket(sockets):
    """The old one lives as long as one of the old processes."""
    sockets.take("web:0", "web", unix("old"))
    sockets.take("web:1", "web", unix("old"))
    sockets.release("web:0")
    sockets.take("web:0", "web", unix("new"))
    assert answers("old")
    assert answers("new")
    sockets.release("web:1")
    assert not os.path.lexists("old")
    assert answers("new")


def test_another_mode_and_backlog_are_taken_over(sockets, said):
    """The socket stays the same, and nobody who waits there is lost."""
    fd = sockets.take("web:0", "web", unix(backlog=1))
    inode = identity("s")[0]
    sockets.take("web:1", "web", unix(mode=0o640, backlog=3))
    assert sockets.take("web:2", "web", unix(mode=0o640, backlog=3)) == fd
    assert stat.S_IMODE(os.stat("s").st_mode) == 0o640
    assert identity("s")[0] == inode
    assert queue_length("s") == 4
    assert len(said) == 1


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_owner_is_taken_over_and_none_is_the_master(sockets):
    """As if the socket had been opened anew."""
    sockets.take("web:0", "web", unix(owner_ids=(NOBODY, NOBODY)))
    sockets.take("web:1", "web", unix(owner_ids=(NOBODY, 0)))
    assert identity("s")[2:] == (NOBODY, 0)
    sockets.take("web:2", "web", unix())
    assert identity("s")[2:] == (os.geteuid(), os.getegid())


# ---- what can be in the way


def test_a_folder_that_is_missing(sockets, said):
    """It is named, with the option that says so; and the next try may succeed."""
    assert refusal(sockets, unix("no/s")) == (
        "cannot listen on no/s: there is no directory no; "
        "create it, or choose another path with socket= in [fcgi-program:web]"
    )
    os.mkdir("no")
    sockets.take("web", "web", unix("no/s"))
    assert answers("no/s")
    assert said == ["Creating socket unix://no/s"] * 2


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody whom a directory is closed to")
def test_a_folder_that_is_not_writable(sockets, short):
    """It is named, with the option that says so."""
    (short / "closed").mkdir(mode=0o755)
    short.chmod(0o755)

    def as_nobody() -> str:
        os.setuid(NOBODY)
        return refusal(sockets, unix("closed/s"))

    assert in_fork(as_nobody) == (
        "cannot listen on closed/s: the directory closed is not writable; "
        "choose another path with socket= in [fcgi-program:web]"
    )


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody who cannot give a file away")
def test_an_owner_that_cannot_be_given(sockets, short):
    """The options are named, and no file is left."""
    short.chmod(0o777)

    def as_nobody() -> str:
        os.setuid(NOBODY)
        return refusal(sockets, unix(owner_ids=(0, 0)))

    assert in_fork(as_nobody) == (
        "cannot give s its owner or mode: Operation not permitted; check user=, socket_owner= and socket_mode="
    )
    assert not os.path.lexists("s")


def test_another_program_that_listens_there(sockets):
    """It is named by its pid, and goes on."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("s")
        other.listen()
        expected = f"cannot listen on s: another program is listening there (pid {os.getpid()}); stop it first"
        assert refusal(sockets, unix()) == expected
        assert answers("s")


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "a zombie"])
def test_a_socket_whose_master_was_killed_is_replaced(sockets, reaped):
    """Even while programs that he left behind still accept there, and in a container whose PID 1 reaps nobody."""
    reader, writer = os.pipe()
    master = os.fork()
    if master == 0:
        os.close(writer)
        theirs = SharedSockets(lambda _: None)
        theirs.take("web", "web", unix())
        if os.fork() == 0:
            # The program: it has the socket until the test lets it go.
            os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    try:
        os.waitid(os.P_PID, master, os.WEXITED | (0 if reaped else os.WNOWAIT))
        assert answers("s")
        left_behind = identity("s")[0]
        sockets.take("web", "web", unix())
        assert identity("s")[0] != left_behind
    finally:
        os.close(writer)
        if not reaped:
            os.waitpid(master, 0)


def test_a_file_that_is_no_socket(sockets):
    """Somebody's file is not ours to replace."""
    with open("s", "w") as file:
        file.write("precious")
    assert refusal(sockets, unix()).startswith("cannot listen on s: there is a file that is no socket")
    with open("s") as file:
        assert file.read() == "precious"


def test_a_path_that_is_too_long(sockets):
    """The option is named."""
    text = refusal(sockets, unix("s" * 108))
    assert text.endswith(
        "the path has 108 bytes and a socket's may have 107; choose a shorter one with socket= in [fcgi-program:web]"
    )


def test_a_port_that_is_taken(sockets):
    """With the way out."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, 9000))
        other.listen()
        assert refusal(sockets, tcp()) == (
            f"cannot listen on {HOST}:9000: Address already in use; "
            "stop the program that listens there, or choose another port"
        )


def test_a_host_that_is_not_there(sockets):
    """The option is named."""
    assert re.fullmatch(
        r"cannot listen on host\.invalid:9000: .*; check socket= in \[fcgi-program:web\]",
        refusal(sockets, tcp(host="host.invalid")),
    )


def test_an_address_that_is_not_ours(sockets):
    """https://www.rfc-editor.org/rfc/rfc5737: no machine has it."""
    assert refusal(sockets, tcp(host="192.0.2.1")).endswith(
        "no interface of this machine has that address; check socket= in [fcgi-program:web]"
    )


@pytest.mark.parametrize("wanted", [unix(), tcp()], ids=["unix", "tcp"])
def test_the_socket_of_another_program_of_the_same_master(sockets, wanted):
    """Two programs cannot share a socket, so neither gets the other's clients."""
    sockets.take("one", "one", wanted)
    assert refusal(sockets, wanted, "two", "two") == (
        f"cannot listen on {wanted.url}: it is the socket of [fcgi-program:one]; "
        "choose another with socket= in [fcgi-program:two]"
    )
    sockets.release("two")
    assert answers(wanted.path or (wanted.host, wanted.port))


@pytest.mark.parametrize("wanted", [unix(), tcp()], ids=["unix", "tcp"])
def test_no_descriptor_is_left(sockets, wanted):
    """A spawn error as any other; the next try succeeds, when there is one."""

    def without_descriptors() -> str:
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        return refusal(sockets, wanted)

    assert in_fork(without_descriptors) == f"cannot open {wanted.url}: Too many open files"
    sockets.take("web", "web", wanted)

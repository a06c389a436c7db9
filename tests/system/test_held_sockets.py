"""Sockets that are held for programs, and how a child gets them."""

import os
import socket
import sys
from dataclasses import replace

import pytest

from procman.errors import CannotListen
from procman.system.commands import CannotSpawn, Command
from procman.system.connections import with_connections
from procman.system.held_sockets import HeldSockets, HeldSpec
from procman.system.inherited_sockets import first_free, out_of_the_way
from procman.system.proc import identify
from procman.system.spawn import LaunchSpec, spawn

HOST = "127." + ".".join(map(str, os.getpid().to_bytes(3, "big")))  # that no other test process has
TCP = HeldSpec(url=f"tcp://{HOST}:9100", section="socket:http", host=HOST, port=9100)
SHOW = "echo $LISTEN_FDS $LISTEN_FDNAMES $LISTEN_PID $$; cd /proc/self/fd; echo *"


@pytest.fixture
def held():
    made = HeldSockets()
    yield made
    made.close_all()


@pytest.fixture
def unix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return HeldSpec(url="unix:///s", section="socket:http", path="s", mode=0o600)


def run(command: str, **more) -> list[str]:
    """The lines that a shell writes to its stdout."""
    spec = LaunchSpec(name="x", command=Command("/bin/sh", ["sh", "-c", command]), **{"environment": {}, **more})
    child = spawn(spec)
    assert child.stdout is not None
    os.set_blocking(child.stdout, True)
    assert child.popen is not None
    child.popen.wait()
    return os.read(child.stdout, 65536).decode().splitlines()


def test_a_child_gets_them_as_sd_listen_fds_says(held):
    """In their order, whatever their numbers here, and nothing else that the master has open."""
    held.open(TCP)
    held.open(other := replace(TCP, url="tcp://other", port=9101))
    leak = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leak, True)
    first, second = held.used_by("x", [other.key, TCP.key])
    told, fds = run(SHOW, sockets=(first, second), socket_names=("b", "a"))
    os.close(leak)
    count, names, listen_pid, pid = told.split()
    assert (count, names, listen_pid) == ("2", "b:a", pid)
    assert fds.split()[:5] == ["0", "1", "2", "3", "4"]
    assert str(leak) not in fds.split()[5:] or leak == int(fds.split()[-1])


def test_a_child_gets_the_id_of_its_pidfd_where_there_is_one(held):
    """Of the kernel, which says it again; what the environment had of another process is not handed on."""
    held.open(TCP)
    code = "import os; print(os.environ.get('LISTEN_PIDFDID'), os.fstat(os.pidfd_open(os.getpid())).st_ino)"
    environment = {b"LISTEN_PIDFDID": b"7"}
    (told,) = run(
        f'exec {sys.executable} -S -c "{code}"',
        sockets=tuple(held.used_by("x", [TCP.key])),
        socket_names=("a",),
        environment=environment,
    )
    given, found = told.split()
    same = os.fstat(os.pidfd_open(1)).st_ino == os.fstat(os.pidfd_open(os.getpid())).st_ino
    assert given == ("None" if same else found)


def test_a_program_that_cannot_be_executed_is_told_as_always(held, tmp_path):
    """The reason comes from the child, by a pipe."""
    held.open(TCP)
    file = tmp_path / "text"
    file.write_text("no program")
    (fd,) = held.used_by("x", [TCP.key])
    spec = LaunchSpec(
        name="x", command=Command(str(file), ["text"]), environment={}, sockets=(fd,), socket_names=("a",)
    )
    with pytest.raises(CannotSpawn, match="couldn't exec text: EACCES"):
        spawn(spec)


def test_a_descriptor_in_the_way_is_moved():
    """What a program gets besides has a number above its sockets, and above the one on which it says READY."""
    assert (first_free(2, None), first_free(2, 5), first_free(2, 3)) == (5, 6, 5)
    fd = os.open("/dev/null", os.O_RDONLY)
    moved = out_of_the_way(fd, 1000)
    assert moved >= 1000
    assert out_of_the_way(moved, 4) == moved
    os.close(moved)


def test_a_change_of_backlog_and_rights_needs_no_new_socket(held, unix, tmp_path):
    """The file gets another mode, and the socket stays."""
    held.open(unix)
    fd = held.fileno(unix.key)
    assert held.open(replace(unix, mode=0o660, backlog=5))
    assert not held.open(replace(unix, mode=0o660, backlog=5))
    assert held.fileno(unix.key) == fd
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
    held.close(unix.key)
    assert not (tmp_path / "s").exists()


def test_an_address_in_use_is_told_with_the_way_out(held):
    """Nothing is held then."""
    with socket.create_server((HOST, 9100)), pytest.raises(CannotListen, match="stop the program that listens there"):
        held.open(TCP)
    assert held.fileno(TCP.key) is None
    assert held.open(TCP)


def test_it_blocks_again_for_the_next_program_but_not_under_one_that_runs(held):
    """The mode belongs to the open socket, which all its users share."""
    held.open(TCP)
    (fd,) = held.used_by("one", [TCP.key])
    os.set_blocking(fd, False)
    held.used_by("two", [TCP.key])
    assert not os.get_blocking(fd)
    held.gone("one")
    held.gone("two")
    held.used_by("three", [TCP.key])
    assert os.get_blocking(fd)


def test_connections_that_wait_or_were_taken_are_seen(held, unix):
    """Of TCP and of unix sockets; without any, nobody is there."""
    held.open(TCP)
    held.open(unix)
    for spec, family, place in ((TCP, socket.AF_INET, (HOST, 9100)), (unix, socket.AF_UNIX, "s")):
        inodes = {"web": [held.inode(spec.key)]}
        assert with_connections(inodes) == frozenset()
        with socket.socket(family) as client:
            client.connect(place)
            assert with_connections(inodes) == {"web"}
            assert held.waiting(spec.key) == (1 if spec is TCP else None)
            with socket.socket(fileno=os.dup(held.fileno(spec.key))) as listener:
                taken, _ = listener.accept()
            assert with_connections(inodes) == {"web"}
            assert held.waiting(spec.key) == (0 if spec is TCP else None)
            taken.close()


def test_a_socket_is_taken_back_from_a_process_that_has_it(held, unix):
    """Only one that listens at that very address."""
    other = HeldSockets()
    other.open(TCP)
    other.open(unix)
    fds = tuple(other.used_by("x", [unix.key, TCP.key]))
    spec = LaunchSpec(
        name="x", command=Command("/bin/sleep", ["sleep", "1000"]), environment={}, sockets=fds, socket_names=("a", "b")
    )
    child = spawn(spec)
    try:
        holder = identify(child.pid)
        assert holder is not None
        inodes = other.inode(TCP.key), other.inode(unix.key)
        why = held.take_back(TCP, [holder])
        if "may not be taken" in why:
            pytest.skip(why)
        assert why == ""
        assert held.take_back(unix, [holder]) == ""
        assert (
            held.take_back(replace(TCP, url="tcp://x", port=9102), [holder]) == "none of its descriptors listens there"
        )
        held.open(TCP)
        held.open(unix)
        assert (held.inode(TCP.key), held.inode(unix.key)) == inodes
    finally:
        os.kill(child.pid, 9)
        child.popen.wait()
        other.close_all()


def test_they_go_over_an_upgrade_and_a_reload(held):
    """By their descriptors; what the next run does not ask for is closed."""
    held.open(TCP)
    inode = held.inode(TCP.key)
    after = HeldSockets()
    after.restore([{**one, "fd": os.dup(one["fd"])} for one in held.snapshot()])
    assert after.inode(TCP.key) == inode
    spares = after.hand_over()
    assert spares.close_spare() == [TCP.url]
    assert after.fileno(TCP.key) is None

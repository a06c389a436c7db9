"""A server that was given a relative path for its socket listens at the full one."""

import os
import socket

import pytest

from procman.system.listening import who_listens
from procman.system.proc import look_at


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A short folder, which is the directory of this process."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_socket_under_a_relative_path_is_found_at_its_full_path(here):
    """As Redis has it with `unixsocket run/redis.sock`; a socket of that name elsewhere is another one."""
    me = look_at(os.getpid()).identity
    (here / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("run/server.sock")
        sock.listen()
        assert who_listens(me, None, path=f"{here}/run/server.sock") == ""
        assert who_listens(me, None, path=f"{here}/server.sock") == "nobody listens"
    assert who_listens(me, None, path=f"{here}/run/server.sock") == "nobody listens"


def test_where_the_descriptors_may_not_be_read_the_way_out_is_said(here, monkeypatch):
    """Those of a program of another user, for a master that is not root."""

    def refuse(_path):
        raise PermissionError

    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("server.sock")
        sock.listen()
        monkeypatch.setattr(os, "listdir", refuse)
        with pytest.raises(PermissionError, match="may not be read: use tcp: or unix: instead"):
            who_listens(look_at(os.getpid()).identity, None, path=f"{here}/server.sock")

"""The account of a uid, with the groups that the C library finds, while other threads go on."""

import os
import pwd
import sys

import pytest

from procman.system import libc
from procman.system.accounts import Account, find_account

EVERYBODY = pwd.getpwall()


@pytest.mark.parametrize("room", [32, 0])
def test_it_has_the_groups_that_the_system_knows(monkeypatch, room):
    """However many they are."""
    monkeypatch.setattr(libc, "_GROUPS", room)
    for user in EVERYBODY:
        found = find_account(user.pw_uid)
        expected = pwd.getpwuid(user.pw_uid)  # two names may have one number
        assert found.uid == user.pw_uid
        assert found.gid == expected.pw_gid
        assert sorted(found.groups) == sorted(os.getgrouplist(expected.pw_name, expected.pw_gid))


def test_python_is_asked_where_it_has_no_way_to_the_c_library(monkeypatch):
    """An interpreter may be built without libffi."""
    root = pwd.getpwuid(0)
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert find_account(0) == Account(0, root.pw_gid, os.getgrouplist(root.pw_name, root.pw_gid))


def test_a_number_that_nobody_has_is_nobodys():
    """A uid without an account is a KeyError."""
    taken = {user.pw_uid for user in EVERYBODY}
    free = next(uid for uid in range(3_000_000, 4_000_000) if uid not in taken)
    with pytest.raises(KeyError):
        find_account(free)

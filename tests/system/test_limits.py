"""The master's own limits and its own user. In a process apart: neither can be taken back."""

import ctypes
import os
import re
import resource
from pathlib import Path

import pytest

from procman.errors import ProcmanError
from procman.system.limits import raise_limits
from procman.system.privileges import drop_privileges
from tests.support.forked import in_fork

NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can raise a hard limit or become somebody else")


def test_limits_that_are_high_enough_are_left_alone():
    """Nothing to do, and nothing to say."""

    def raised() -> tuple[list[str], tuple[int, int]]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
        return raise_limits(300, 1), resource.getrlimit(resource.RLIMIT_NOFILE)

    assert in_fork(raised) == ([], (300, 300))


def test_a_soft_limit_is_raised_and_told():
    """With supervisor's words, and no further than asked for."""

    def raised() -> tuple[list[str], tuple[int, int]]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
        return raise_limits(200, 1), resource.getrlimit(resource.RLIMIT_NOFILE)

    assert in_fork(raised) == (["Increased RLIMIT_NOFILE limit to 200"], (200, 300))


@needs_root
@pytest.mark.root
def test_root_raises_the_hard_limit_too_where_it_may():
    """With CAP_SYS_RESOURCE the hard limit follows; root without it is told like everybody else."""

    def raised() -> tuple[list[str], tuple[int, int]] | str:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        try:
            return raise_limits(200, 1), resource.getrlimit(resource.RLIMIT_NOFILE)
        except ProcmanError as error:
            return str(error)

    status = Path("/proc/self/status").read_text()
    capable = int(re.search(r"CapEff:\s*(\w+)", status)[1], 16) >> 24 & 1  # CAP_SYS_RESOURCE, capability.h
    if capable:
        assert in_fork(raised) == (["Increased RLIMIT_NOFILE limit to 200"], (200, 200))
    else:
        assert in_fork(raised).startswith("cannot have 200 file descriptors (minfds=200): the environment allows 100.")


@needs_root
@pytest.mark.root
@pytest.mark.parametrize(
    ("name", "minfds", "minprocs", "message"),
    [
        (
            "RLIMIT_NOFILE",
            200,
            1,
            (
                "cannot have 200 file descriptors (minfds=200): the environment allows 100. "
                "Raise its limit, or lower minfds in the configuration"
            ),
        ),
        (
            "RLIMIT_NPROC",
            1,
            200,
            (
                "cannot have 200 processes (minprocs=200): the environment allows 100. "
                "Raise its limit, or lower minprocs in the configuration"
            ),
        ),
    ],
)
def test_a_limit_that_cannot_be_raised_is_an_error_for_users(name, minfds, minprocs, message):
    """What is missing, which option asks for it, and the way out."""

    def refused() -> str:
        resource.setrlimit(getattr(resource, name), (100, 100))
        os.setuid(NOBODY)
        with pytest.raises(ProcmanError) as caught:
            raise_limits(minfds, minprocs)
        return str(caught.value)

    assert in_fork(refused) == message


def test_no_limit_is_enough():
    """Infinity needs no raising."""

    def raised() -> list[str] | None:
        try:
            resource.setrlimit(resource.RLIMIT_NPROC, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (OSError, ValueError):
            return None
        return raise_limits(1, 200)

    assert in_fork(raised) in ([], None)


@needs_root
@pytest.mark.root
def test_privileges_are_dropped_for_good():
    """User, group and groups; and there is no way back."""

    def dropped() -> tuple[bool, tuple[int, ...], tuple[int, ...], list[int], bool]:
        changed = drop_privileges(NOBODY)
        try:
            os.setuid(0)
        except PermissionError:
            return changed, os.getresuid(), os.getresgid(), os.getgroups()
        raise AssertionError("it is root again")

    changed, uids, gids, groups = in_fork(dropped)
    assert changed
    assert set(uids) == {NOBODY}
    assert 0 not in {*gids, *groups}


@needs_root
@pytest.mark.root
def test_no_capability_is_kept():
    """What was effective, permitted or ambient before is gone afterwards, as the kernel tells it."""

    def dropped() -> dict[str, int]:
        drop_privileges(NOBODY)
        # As bytes: the interpreter's codecs may be closed to that user.
        with open("/proc/self/status", "rb") as status:
            lines = [line.split() for line in status if line.startswith(b"Cap")]
        return {name.decode(): int(value, 16) for name, value in lines}

    sets = in_fork(dropped)
    assert [sets[name] for name in ("CapPrm:", "CapEff:", "CapAmb:")] == [0, 0, 0]


@needs_root
@pytest.mark.root
def test_a_change_of_user_that_keeps_capabilities_is_refused():
    """Securebits can make the kernel leave them: then the master must not run on, half root."""

    def refused() -> str | None:
        pr_set_securebits, no_setuid_fixup = 28, 1 << 2
        if ctypes.CDLL(None).prctl(pr_set_securebits, no_setuid_fixup, 0, 0, 0) != 0:
            return None  # this root may not even do that, and nobody could have done it to procman
        with pytest.raises(ProcmanError) as caught:
            drop_privileges(NOBODY)
        return str(caught.value)

    said = in_fork(refused)
    assert said is None or said.startswith("cannot give up root for good: the securebits")


def test_dropping_to_oneself_changes_nothing():
    """The master is that user already."""
    assert in_fork(lambda: drop_privileges(os.getuid())) is False


@needs_root
@pytest.mark.root
def test_who_is_not_root_cannot_become_another():
    """With the way out."""

    def refused() -> str:
        os.setuid(NOBODY)
        with pytest.raises(ProcmanError) as caught:
            drop_privileges(1)
        return str(caught.value)

    assert in_fork(refused) == "cannot become user 1: only root can; leave user= out, or start procman as root"


@needs_root
@pytest.mark.root
def test_a_user_that_is_not_there():
    """With the option to look at."""

    def refused() -> str:
        with pytest.raises(ProcmanError) as caught:
            drop_privileges(4_000_123)
        return str(caught.value)

    assert in_fork(refused) == "cannot become user 4000123: there is no such user; check user="

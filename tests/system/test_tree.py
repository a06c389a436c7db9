"""Descendants, wherever they went, and signals that reach all of them and nobody else. All of them are real."""

import os
import sys
import textwrap

import pytest

from procman.system.proc import CannotLook, Identity, identify, look_at
from procman.system.tree import TAG, ProcSnapshot, Tree, look
from tests.support.forked import in_fork
from tests.support.tree_fixtures import (
    DAEMON,
    MINE,
    Member,
    family,
    in_a_pid_namespace,
    in_subreaper,
    now,
    pids_of,
    run_unshared,
    running,
)

NOBODY = 65534

# ---- how descendants are recognised


def test_children_and_grandchildren():
    """By their parents; the oldest first, and the root is one of them."""

    def found() -> bool:
        code = 'fork(lambda: (fork(lambda: stay("grandchild")), stay("child")))\nstay("root")'
        member, tree = family(code, tag=None)
        expected = member.pids("root", "child", "grandchild")
        members = pids_of(tree.members(now()))
        return sorted(members) == sorted(expected) and members[0] == expected[0]

    assert in_subreaper(found)


@pytest.mark.parametrize("under", [True, False], ids=["as a subreaper", "as anybody"])
def test_a_daemon_is_found_by_its_tag(under):
    """It called setsid, was forked twice, and has another parent now."""

    def found() -> bool:
        member, tree = family(DAEMON + 'stay("root")')
        root, daemon = member.pids("root", "daemon")
        process = look_at(daemon)
        assert process.parent == os.getpid()
        assert process.session not in (root, daemon)
        return set(pids_of(tree.members(look(under=os.getpid() if under else None)))) == {root, daemon}

    assert in_subreaper(found)


def test_what_a_daemon_starts_is_found_with_it():
    """By its parent, whatever it cleared."""

    def found() -> bool:
        code = """
            def daemon():
                os.setsid()
                fork(lambda: (os.setpgid(0, 0), exec_without_environment("child")))
                stay("daemon")
            os.waitpid(fork(lambda: fork(daemon)), 0)
            stay("root")
        """
        member, tree = family(code)
        expected = member.pids("root", "daemon", "child")
        return sorted(pids_of(tree.members(now()))) == sorted(expected)

    assert in_subreaper(found)


def test_an_orphan_is_found_by_its_process_group():
    """Its parent has ended and its environment is empty, but it is in the group that the root leads."""

    def found() -> bool:
        code = """
            fork(lambda: fork(lambda: exec_without_environment("orphan")))
            os.wait()
            stay("root")
        """
        member, tree = family(code)
        expected = member.pids("root", "orphan")
        assert look_at(expected[1]).parent == os.getpid()
        return sorted(pids_of(tree.members(now()))) == sorted(expected)

    assert in_subreaper(found)


def test_an_orphan_is_found_by_its_session():
    """It has a group of its own, in the session that a descendant leads."""

    def found() -> bool:
        code = """
            def orphan():
                os.setpgid(0, 0)
                exec_without_environment("orphan")
            def leader():
                os.setsid()
                os.waitpid(fork(lambda: fork(orphan)), 0)
                stay("leader")
            fork(leader)
            stay("root")
        """
        member, tree = family(code)
        expected = member.pids("root", "leader", "orphan")
        process = look_at(expected[2])
        assert (process.parent, process.group) == (os.getpid(), process.pid)
        return sorted(pids_of(tree.members(now()))) == sorted(expected)

    assert in_subreaper(found)


def test_an_orphan_is_found_by_the_group_of_a_descendant():
    """A shell with job control gives each of its jobs one."""

    def found() -> bool:
        code = """
            def leader():
                os.setpgid(0, 0)
                os.waitpid(fork(lambda: fork(lambda: exec_without_environment("orphan"))), 0)
                stay("leader")
            fork(leader)
            stay("root")
        """
        member, tree = family(code)
        root, leader, orphan = member.pids("root", "leader", "orphan")
        process = look_at(orphan)
        assert (process.parent, process.group) == (os.getpid(), leader)
        return sorted(pids_of(tree.members(now()))) == sorted([root, leader, orphan])

    assert in_subreaper(found)


def test_who_was_seen_once_stays_known():
    """Then its parent ends, and nothing is left that tells whose it is: a session of its own, and no environment."""

    def found() -> tuple[bool, bool]:
        code = """
            def parent():
                fork(lambda: (os.setsid(), exec_without_environment("child")))
                sys.stdin.readline()
            fork(parent)
            os.wait()
            stay("root")
        """
        member, tree = family(code)
        forgetful = Tree(tree.root, tree.tag)
        (child,) = member.pids("child")
        assert child in pids_of(tree.members(now()))
        member.go_on()
        (root,) = member.pids("root")
        assert look_at(child).parent == os.getpid()
        afterwards = now()
        return sorted(pids_of(tree.members(afterwards))) == sorted([root, child]), child in pids_of(
            forgetful.members(afterwards)
        )

    # The second says that it is the memory that makes the difference.
    assert in_subreaper(found) == (True, False)


def test_what_is_left_of_one_that_was_just_reaped():
    """In the group that it led, without an environment: only the number is left, and soon might be another's."""

    def found() -> tuple[bool, bool, bool]:
        member, tree = family('fork(lambda: exec_without_environment("left"))\nsys.stdin.readline()')
        (left,) = member.pids("left")
        member.go_on()
        member.wait()
        later = tree.members(now())
        at_once = tree.members(now(), just_reaped=True)
        known = tree.members(now())
        return later == (), pids_of(at_once) == [left], pids_of(known) == [left]

    assert in_subreaper(found) == (True, True, True)


def test_a_member_keeps_the_groups_of_the_tree_alive():
    """As long as one that is known is in it, newcomers in the group of a root that has gone are found."""

    def found() -> bool:
        code = """
            def keeper():
                os.environ.clear()
                say("keeper", os.getpid())
                os.read(0, 1)
                fork(lambda: fork(lambda: exec_without_environment("newcomer")))
                os.wait()
                stay("kept")
            fork(keeper)
            os.read(0, 1)
        """
        member, tree = family(code, tag=None)
        (keeper,) = member.pids("keeper")
        assert keeper in pids_of(tree.members(now()))
        # A byte for each of the two that read, whoever gets which.
        member.go_on()
        member.go_on()
        # The keeper says so when the newcomer's parent has gone.
        newcomer, _ = member.pids("newcomer", "kept")
        member.wait()
        assert look_at(newcomer).parent == os.getpid()
        return sorted(pids_of(tree.members(now()))) == sorted([keeper, newcomer])

    assert in_subreaper(found)


# ---- who is none


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {TAG: MINE + "0"},
        {TAG: MINE[:-1]},
        {TAG: "supervisor/other/1.1.1"},
        {"X" + TAG: MINE},
        {"OTHER": f"{TAG}={MINE}"},
    ],
    ids=["without a tag", "a longer one", "a shorter one", "another's", "another variable", "in another's value"],
)
def test_a_stranger_is_not_taken_for_a_member(environment):
    """Though it is a child of the master, like the root."""

    def found() -> bool:
        member, tree = family("stay('root')")
        with running(env=environment) as stranger:
            (root,) = member.pids("root")
            members = pids_of(tree.members(now()))
            return stranger.pid not in members and members == [root]

    assert in_subreaper(found)


def test_nobody_is_older_than_its_ancestors():
    """A tag that was copied is not enough."""
    with running(env={TAG: MINE}) as older:
        start = identify(older.pid).start
        younger = Tree(Identity(os.getpid(), start + 1), MINE)
        older_one = Tree(Identity(os.getpid(), start), MINE)
        everything = look()
        assert older.pid not in pids_of(younger.members(everything))
        assert older.pid in pids_of(older_one.members(everything))


def test_a_number_that_was_given_again_leads_to_nobody():
    """The process that has the number now is no member, nor are its children and its group."""

    def found() -> tuple:
        member, _ = family('fork(lambda: stay("child"))\nstay("root")', tag=None)
        member.pids("root", "child")
        gone = Tree(Identity(member.pid, identify(member.pid).start - 1), None)
        return gone.members(now()), gone.members(now(), just_reaped=True)

    assert in_subreaper(found) == ((), ())


def test_the_dead_are_no_members():
    """A zombie cannot be signalled; but who is in the group that it leads is one."""

    def found() -> tuple[bool, bool]:
        member, tree = family('fork(lambda: exec_without_environment("left"))\nsys.stdin.readline()')
        (left,) = member.pids("left")
        member.go_on()
        os.waitid(os.P_PID, member.pid, os.WEXITED | os.WNOWAIT)
        return pids_of(tree.members(now())) == [left], now().find(tree.root).ended

    assert in_subreaper(found) == (True, True)


def test_the_master_itself_is_no_member():
    """Even where it carries the tag of a master around it."""

    def found() -> bool:
        code = """
            from procman.system.proc import identify
            from procman.system.tree import TAG, Tree, look
            tree = Tree(identify(os.getppid()), os.environ[TAG])
            say(os.getpid() in [process.pid for process in tree.members(look())])
        """
        inner = f"import sys; sys.path[:0] = {sys.path!r}\n"
        with Member(inner + textwrap.dedent(code), environment={TAG: MINE}) as member:
            return member.line() == "False"

    assert in_subreaper(found)


# ---- what cannot be seen


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_whose_environment_may_not_be_read_is_told():
    """A master that is not root, and an orphan that is: it cannot be known whose it is."""

    def found() -> tuple[bool, bool, bool]:
        member, tree = family(DAEMON + 'stay("root")')
        _, daemon = member.pids("root", "daemon")
        master = os.getpid()

        def as_nobody() -> tuple[bool, bool, bool]:
            os.setuid(NOBODY)
            looked = look(under=master)
            members = pids_of(tree.members(looked))
            return daemon in members, daemon in pids_of(looked.unreadable()), member.pid in members

        return in_fork(as_nobody)

    assert in_subreaper(found) == (False, True, True)


def test_without_proc_there_is_nothing_to_look_at():
    """Said with the way out."""
    said = run_unshared(
        ["--pid", "--fork"],
        """
        from procman.system.proc import CannotLook
        from procman.system.tree import look
        try:
            look()
        except CannotLook as error:
            print(error)
        """,
    )
    assert said.startswith("cannot look at the processes: ")


def test_without_descriptors_there_is_nothing_to_look_with():
    """The same error, so that nobody has to know two."""

    def looked() -> str:
        import resource

        before = ProcSnapshot()
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        with pytest.raises(CannotLook) as caught:
            before.read()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        return str(caught.value)

    assert in_fork(looked) == "cannot look at the processes: Too many open files"


def test_a_look_in_slices_sees_the_same():
    """However small they are."""

    def found() -> bool:
        member, tree = family(DAEMON + 'stay("root")')
        expected = member.pids("root", "daemon")
        looked = ProcSnapshot(under=os.getpid())
        slices = 1
        while not looked.read(7):
            slices += 1
        return slices > 1 and sorted(pids_of(tree.members(looked))) == sorted(expected)

    assert in_subreaper(found)


# ---- everybody


def test_all_below_a_process():
    """Whatever they carry, orphans included; not the process itself."""

    def found() -> bool:
        member, _ = family(DAEMON + 'stay("root")', tag=None)
        expected = member.pids("root", "daemon")
        return sorted(pids_of(now().descendants(os.getpid()))) == sorted(expected)

    assert in_subreaper(found)


def test_all_that_pid_1_has_to_ask_to_leave():
    """Everybody in its namespace but itself, also those that are no descendants of its."""
    said = in_a_pid_namespace(
        """
        from procman.system.tree import look
        reader, writer = os.pipe()
        child = fork(lambda: (fork(lambda: (os.setsid(), os.write(writer, b"%d" % os.getpid()), signal.pause())),
                              signal.pause()))
        grandchild = int(os.read(reader, 100))
        say(sorted([child, grandchild]) == sorted(process.pid for process in look().all_others()))
        """
    )
    assert said == "True\n"

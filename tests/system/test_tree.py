"""Descendants, wherever they went, and signals that reach all of them and nobody else. All of them are real."""

import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from procman.system import tree as trees
from procman.system.proc import CannotLook, Identity, Unseen, identify, look_at
from procman.system.tree import TAG, ProcSnapshot, Sweep, Tags, Tree, look
from tests.support.forked import in_fork
from tests.support.tree_fixtures import Member, in_a_pid_namespace, in_subreaper, run_unshared, running

NOBODY = 65534
# Tests that run at the same time must not find each other's.
MINE = f"supervisor/web/{os.getpid()}.1"

# A daemon as by the book: its parents have ended, it leads neither its session nor its group.
DAEMON = textwrap.dedent("""
    def second():
        os.setsid()
        fork(lambda: stay("daemon"))
    os.waitpid(fork(second), 0)
""")


def family(code: str, tag: str | None = MINE) -> tuple[Member, Tree]:
    member = Member(code, environment={TAG: tag} if tag else {})
    return member, Tree(identify(member.pid), tag)


def pids_of(processes) -> list[int]:
    return [process.pid for process in processes]


def now() -> ProcSnapshot:
    return look(under=os.getpid())


def has_ended(pid: int) -> bool:
    process = look_at(pid)
    return process is None or process.ended


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
            fork(lambda: fork(daemon))
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
    """Neither the process that has it now, nor its children, nor its group."""

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
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 4096))
        with pytest.raises(CannotLook) as caught:
            before.read()
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
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


# ---- signals


def sweep(tree: Tree, number: int, rounds: int = trees.ROUNDS) -> list[list[int]]:
    """Who got it, round by round, until all that there are have it."""
    one = Sweep(tree.members, number)
    done = []
    for _ in range(rounds):
        last = one.round(now())
        if last.settled:
            return done
        done.append(pids_of(last.signalled))
    raise AssertionError(f"not settled: {done}")


def test_everyone_gets_the_signal_once():
    """However many rounds there are."""

    def counted() -> bool:
        code = """
            count = 0
            def counting(*_):
                global count
                count += 1
            def ending(*_):
                say("counted", count)
                os._exit(0)
            signal.signal(signal.SIGUSR1, counting)
            signal.signal(signal.SIGUSR2, ending)
            for _ in range(3):
                fork(lambda: (os.setsid(), stay("child")))
            stay("root")
        """
        member, tree = family(code)
        said = [member.line() for _ in range(4)]
        assert len(said) == 4
        signalled = [pid for pids in sweep(tree, signal.SIGUSR1) for pid in pids]
        assert len(signalled) == len(set(signalled)) == 4
        sweep(tree, signal.SIGUSR2)
        return [member.line() for _ in range(4)] == ["counted 1"] * 4

    assert in_subreaper(counted)


def test_who_is_forked_while_the_signal_goes_round_gets_it_too():
    """Its parent has started it instead of leaving, and left after that."""

    def swept() -> bool:
        code = """
            def late(*_):
                fork(lambda: (signal.signal(signal.SIGTERM, lambda *_: (say("late", "gone"), os._exit(0))),
                              os.setsid(), stay("late")))
                os.read(waiting, 1)
                os._exit(0)
            waiting, waker = os.pipe()
            say_before = say
            def say(*words):
                say_before(*words)
                if words[0] == "late":
                    os.write(waker, b"x")
            signal.signal(signal.SIGTERM, late)
            stay("root")
        """
        member, tree = family(code)
        member.pids("root")
        one = Sweep(tree.members, signal.SIGTERM)
        first = one.round(now())
        assert pids_of(first.signalled) == [member.pid]
        assert not first.settled
        (late,) = member.pids("late")
        member.wait()
        second = one.round(now())
        assert pids_of(second.signalled) == [late]
        assert member.line() == "late gone"
        os.waitpid(late, 0)
        return one.round(now()).settled

    assert in_subreaper(swept)


def test_a_tree_that_keeps_forking_is_killed():
    """Each of its processes starts another one as soon as it can, in a session of its own, and ends."""

    def killed() -> bool:
        code = """
            import time
            def hop():
                while True:
                    if os.fork():
                        os._exit(0)
                    os.setsid()
                    time.sleep(0.1)
            os.close(0)
            for _ in range(5):
                fork(hop)
            stay("root")
        """
        member, tree = family(code)
        member.pids("root")
        one = Sweep(tree.members, signal.SIGKILL)
        for _ in range(trees.ROUNDS):
            if one.round(now()).settled:
                break
        # All of them hold this pipe: it ends with the last.
        return member.stdout.read() == b""

    assert in_subreaper(killed)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs somebody who may not signal somebody else")
def test_a_refusal_is_told_once():
    """With the signal, the process and the reason; then the sweep is settled all the same."""

    def refused() -> tuple:
        member, tree = family("stay('root')")
        member.pids("root")
        name = Path(f"/proc/{member.pid}/comm").read_text().strip()

        def as_nobody() -> tuple:
            os.setuid(NOBODY)
            one = Sweep(tree.members, signal.SIGTERM)
            first, second = one.round(now()), one.round(now())
            text = f"cannot send SIGTERM to pid {member.pid}: Operation not permitted ({name})"
            return first.refused == (text,), first.settled, second.refused, second.settled

        return in_fork(as_nobody)

    assert in_subreaper(refused) == (True, False, (), True)


def test_a_round_has_a_bound(monkeypatch):
    """A huge tree does not hold up the loop: the rest is for the next round."""
    monkeypatch.setattr(trees, "SIGNALS_AT_ONCE", 2)

    def swept() -> list[int]:
        member, tree = family("for _ in range(4): fork(lambda: stay('child'))\nstay('root')")
        for _ in range(5):
            member.line()
        return [len(pids) for pids in sweep(tree, signal.SIGUSR1)]

    assert in_subreaper(swept) == [2, 2, 1]


def test_somebody_in_the_middle_of_an_exec_keeps_a_sweep_open(monkeypatch):
    """Its environment is not there for a moment, so it cannot be known whose it is: one more look will tell."""

    def swept() -> list[bool]:
        with running():
            one = Sweep(lambda _: (), signal.SIGTERM)
            settled = [one.round(now()).settled]
            with monkeypatch.context() as patch:
                patch.setattr(trees, "environ", lambda pid: Unseen.NOT_YET)
                settled.append(one.round(now()).settled)
            return settled

    assert in_subreaper(swept) == [True, False]


# ---- tags


def test_a_tag_tells_nothing_of_another_one(monkeypatch):
    """A program sees its own, and the names of others; their tags it must not be able to bear."""
    monkeypatch.setattr("procman.system.tree.time.clock_gettime_ns", lambda _: 1)
    assert Tags("supervisor").new("web") != Tags("supervisor").new("web")


def test_no_two_masters_give_the_same_tag():
    """Not even with the same identifier, from the same process."""
    first, second = Tags("supervisor"), Tags("supervisor")
    given = [first.new("web:web_0"), first.new("web:web_0"), second.new("web:web_0"), second.new("web:web_0")]
    assert len(set(given)) == 4
    assert all(tag.startswith("supervisor/web:web_0/") for tag in given)


def test_a_tag_is_bytes_to_the_system():
    """Names are whatever people write."""
    tag = Tags("ü").new("wéb\udcff")
    with running(env={TAG: tag}) as process:
        assert process.pid in pids_of(look().tagged(tag))


def test_the_tests_leave_nobody_behind():
    """A household ends with all its members."""

    def started() -> list[int]:
        member, _ = family(DAEMON + 'stay("root")')
        return member.pids("root", "daemon")

    assert all(has_ended(pid) for pid in in_subreaper(started))

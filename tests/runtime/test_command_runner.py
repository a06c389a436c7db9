"""Helper commands: how they run, what is kept of their output, and what becomes of one that takes too long."""

import asyncio
import os

import pytest

from procman.runtime import command_runner
from procman.system.accounts import find_account
from procman.system.commands import CannotSpawn, Command, find_command
from procman.system.proc import look_at
from procman.system.reaper import Reaped
from procman.system.spawn import LaunchSpec, Stdio
from tests.support.launching import open_fds, python, shell
from tests.support.running_engine import RunningEngine, on_engine

NOBODY = 65534
LONG = 60.0


def spec(command, **options):
    """How to run a command with its stdout and stderr in one pipe."""
    options = {"environment": dict(os.environb), "stdin": Stdio.NULL, "stderr": Stdio.STDOUT} | options
    return LaunchSpec(name="helper", command=find_command(command), **options)


def run(command, *, within=LONG, most_output=1000, **options):
    """What comes of it, of an engine beside it, and the events that this has published."""

    async def steps():
        running = RunningEngine()
        before = open_fds()
        result = await running.commands.run(spec(command, **options), within=within, most_output=most_output)
        assert open_fds() == before
        return result, running.engine.ends.orphans, running.events

    return on_engine(steps)


def test_it_gives_the_exit_status_and_the_output():
    """Of both its streams, in the order in which it wrote."""
    result, _, _ = run(shell("echo out; echo err >&2; exit 3"))
    assert (result.how.code, result.output, result.succeeded) == (3, b"out\nerr\n", False)


def test_it_is_no_orphan_and_no_news():
    """Nothing is counted or published when it is reaped."""
    result, orphans, events = run(shell("exit 0"))
    assert result.succeeded
    assert orphans == 0
    assert not [event for event in events if isinstance(event, Reaped)]


def test_it_has_its_own_environment_and_directory(tmp_path):
    """Nothing of the master's comes with it but what the spec says."""
    environment = {b"PATH": b"/usr/bin:/bin", b"OWN": b"1"}
    result, _, _ = run(shell("pwd; echo $OWN$HOME"), environment=environment, directory=str(tmp_path))
    assert result.output == f"{tmp_path}\n1\n".encode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_its_user():
    """With the groups of that user."""
    result, _, _ = run(shell("id -u"), account=find_account(NOBODY))
    assert result.output == f"{NOBODY}\n".encode()


def test_the_end_of_a_long_output_is_kept():
    """A command that writes more than a pipe holds is not held up, and costs no more than its bound."""
    result, _, _ = run(python("print('x' * 3_000_000); print('the end')"), most_output=20)
    assert result.output == b"xxxxxxxxxxx\nthe end\n"
    assert result.succeeded


def test_at_the_time_out_the_whole_tree_is_killed():
    """Also a descendant that has left its process group and its session."""

    async def steps():
        running = RunningEngine()
        command = shell("setsid sleep 1000 & echo $!; exec sleep 1000")
        result = await running.commands.run(spec(command), within=3.0, most_output=100)
        assert result.how is None
        assert not result.succeeded
        descendant = int(result.output)
        await running.until(lambda: (found := look_at(descendant)) is None or found.ended)

    on_engine(steps)


def test_a_cancelled_caller_leaves_nothing_running():
    """The command is killed at once."""

    async def steps():
        running = RunningEngine()
        task = asyncio.ensure_future(running.commands.run(spec("sleep 1000"), within=LONG, most_output=100))
        await asyncio.sleep(0)
        [pid] = running.children._known
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        while running.children._known:  # noqa: ASYNC110 - nothing is published of it
            await asyncio.sleep(0.01)
        assert look_at(pid) is None

    on_engine(steps)


def test_a_descendant_that_keeps_the_pipe_does_not_hold_up_the_end():
    """The result is there when the command itself has ended."""
    result, _, _ = run(shell("sleep 1000 & echo here"))
    assert result.output == b"here\n"
    assert result.succeeded


def test_what_a_look_leaves_behind_ends_with_it():
    """So looks that put something into the background do not fill the machine."""

    async def steps():
        running = RunningEngine()
        command = spec(shell("sleep 1000 & echo $!"))
        result = await running.commands.run(command, within=LONG, most_output=100, leaves_nothing=True)
        assert result.succeeded
        left = int(result.output)
        await running.until_true(lambda: (found := look_at(left)) is None or found.ended)

    on_engine(steps)


def test_what_cannot_be_started_is_an_error():
    """In a sentence for people."""

    async def steps():
        running = RunningEngine()
        command = Command("/no/such/file", ["/no/such/file"])
        with pytest.raises(CannotSpawn, match="couldn't exec /no/such/file"):
            await running.commands.run(
                LaunchSpec(name="helper", command=command, environment={}), within=LONG, most_output=100
            )

    on_engine(steps)


def test_without_proc_the_process_group_is_killed(monkeypatch):
    """Where trees cannot be seen, that is what there is."""
    monkeypatch.setattr(command_runner, "identify", lambda _: None)
    result, _, _ = run(shell("echo here; sleep 1000"), within=2.0)
    assert (result.how, result.output) == (None, b"here\n")

"""What has become of hooks: the bus is real, the commands are not."""

import json
from signal import SIGHUP

import pytest

from procman.core.actions import AnnounceRefreshed, EndHook, ProcessRemoved, RunHook, SkipHook
from procman.core.fleet import Fleet
from procman.core.spec import Hook, HookCommand, Reload
from procman.errors import UnknownProcess
from procman.runtime.bus import HookRan
from procman.services.hook_results import HookResults
from procman.services.metrics.counters import Counters
from tests.support.notifications import new_bus
from tests.support.programs import group

MIGRATE = HookCommand("./migrate --password=hush")
LOAD = HookCommand("./load", may_fail=True)


@pytest.fixture
def bus():
    return new_bus()


@pytest.fixture
def fleet():
    hooks = {"pre_start": (MIGRATE, LOAD), "post_start": (HookCommand("./warm"),), "reload": Reload(signal=SIGHUP)}
    return Fleet([group("web", **hooks), group("db")])


@pytest.fixture
def results(bus, fleet):
    found = HookResults(fleet)
    bus.subscribe(found.hear, *found.hears)
    return found


def order(command=MIGRATE, hook=Hook.PRE_START, number=1):
    return RunHook("web", 1, hook, 0, command, number, pid=0, status=None, by_itself=False)


def ran(hook=Hook.PRE_START, *, ok=True, **facts):
    known = {"command": "./migrate", "ignored": False, "words": "./migrate exited 1", "code": int(not ok)}
    return HookRan("web", hook, ok=ok, seconds=1.25, lines=() if ok else ("first", "broken"), **(known | facts))


def of(results, hook=Hook.PRE_START):
    (found,) = (one for one in results.of("web") if one.hook is hook)
    return found


def test_each_hook_is_named_with_its_commands_and_without_their_arguments(results):
    """Arguments may be secret. A reload by a signal has the name of that."""
    assert [(one.hook.value, one.commands, one.runs, one.last) for one in results.of("all")] == [
        ("pre_start", ("./migrate", "./load"), "", None),
        ("post_start", ("./warm",), "", None),
        ("reload", ("SIGHUP",), "", None),
    ]
    assert results.of("db") == []
    with pytest.raises(UnknownProcess):
        results.of("nobody")


def test_the_command_that_runs_is_named_until_it_has_ended(bus, results):
    bus.publish(order())
    assert of(results).runs == "./migrate"
    assert of(results).since > 0
    bus.publish(ran())
    assert (of(results).runs, of(results).since) == ("", None)
    last = of(results).last
    assert (last.result, last.command, last.words, last.seconds, last.line) == ("done", "./migrate", "", 1.25, "")


@pytest.mark.parametrize(
    ("facts", "result"),
    [({}, "failed"), ({"ignored": True}, "ignored"), ({"broken_off": True}, "broken off")],
)
def test_how_a_command_has_failed_is_told_apart(bus, results, facts, result):
    bus.publish(ran(ok=False, **facts))
    last = of(results).last
    assert (last.result, last.words, last.line) == (result, "./migrate exited 1", "broken")


def test_one_that_was_ended_before_it_could_begin_does_not_run(bus, results):
    bus.publish(order())
    bus.publish(EndHook("web", Hook.PRE_START, 1, "it is stopped"))
    assert of(results).runs == ""


def test_a_hook_that_was_skipped_and_a_refresh_have_results(bus, results):
    bus.publish(SkipHook("web", Hook.POST_START, "it was asked to stop again"))
    assert of(results, Hook.POST_START).last.result == "skipped"
    bus.publish(AnnounceRefreshed("web", ok=True, words=""))
    assert of(results, Hook.RELOAD).last.result == "done"
    bus.publish(AnnounceRefreshed("web", ok=False, words="it is not RUNNING"))
    assert (of(results, Hook.RELOAD).last.result, of(results, Hook.RELOAD).last.words) == (
        "failed",
        "it is not RUNNING",
    )


def test_results_go_over_an_upgrade_and_not_over_a_removal(bus, fleet, results):
    bus.publish(ran(ok=False))
    after = HookResults(fleet)
    after.restore(json.loads(json.dumps(results.snapshot())))
    assert after.of("web") == results.of("web")
    bus.publish(ProcessRemoved("web"))
    assert of(results).last is None


def test_commands_are_counted_by_their_hook(bus, fleet):
    """A failure that is ignored, and a command that was killed in time, are no failures."""
    counters = Counters()
    counters.watch(bus, fleet)
    for news in (ran(), ran(ok=False), ran(ok=False, ignored=True), ran(Hook.POST_START, ok=False, broken_off=True)):
        bus.publish(news)
    counts = counters.of("web")
    assert counts.hook_runs == {"pre_start": 3, "post_start": 1}
    assert counts.hook_failures == {"pre_start": 1, "post_start": 0}
    assert counts.hook_seconds == {"pre_start": 3.75, "post_start": 1.25}
    after = Counters()
    after.restore(json.loads(json.dumps(counters.snapshot())))
    after.watch(bus, fleet)
    bus.publish(ran())
    assert after.of("web").hook_runs["pre_start"] == 4

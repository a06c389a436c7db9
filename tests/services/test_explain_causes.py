"""`why` names what is the cause: the option that a failed start is for, a schedule that is off, memory and age."""

import pytest

from procman.core.deadlines import Deadlines
from procman.core.events import ExitStatus
from procman.core.health import Health
from procman.core.process import Wear
from procman.core.spec import ProcessType, Schedule
from procman.core.states import MasterState, State
from procman.services.explain import explain
from procman.services.explain_facts import Around
from tests.services.test_explain import AT, because, process

DAILY = {"type": ProcessType.ONESHOT, "schedule": Schedule("@daily")}


@pytest.mark.parametrize(
    ("reason", "options"),
    [
        ("pre_start: sh exited 1: cannot migrate", ["pre_start"]),
        ("pre_start timed out after 2 s", ["pre_start", "hook_timeout"]),
        ("cannot read env_file /srv/app.env: there is no such file", ["env_file"]),
        ("cannot set memory_max: no cgroup v2 is mounted here", ["memory_max"]),
        ("can't find command 'nosuch'", []),
    ],
)
@pytest.mark.parametrize("kind", ProcessType)
def test_the_option_that_a_failed_start_is_for_is_named(kind, reason, options):
    """With the line of the file that has it, before those that say how often it is tried."""
    said = explain(process(State.FATAL, reason=reason, type=kind), AT)
    named = [setting.option for setting in said.options]
    assert named[: len(options)] == options
    assert "startretries" in named
    assert ("procmanctl logs web" in said.commands) is reason.startswith("pre_start")


@pytest.mark.parametrize(
    ("why", "reason", "option"),
    [
        ("memory", "memory: it uses 67 MB, and memory_restart is 40 MB", "memory_restart"),
        ("age", "age: max_age is 24 h", "max_age"),
    ],
)
def test_one_that_waits_after_a_restart_for_its_memory(why, reason, option):
    """It was not asked to stop by anybody."""
    one = process(
        State.BACKOFF,
        last_end=ExitStatus(None, 15),
        deadlines=Deadlines(retry=107.0),
        reason=reason,
        wear=Wear(renewing=why),
    )
    said = explain(one, AT)
    assert because(said) == [f"it was restarted for its {reason}", "terminated by SIGTERM"]
    assert [setting.option for setting in said.options] == [option]


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        (State.STOPPED, {"attempt": 0}),
        (State.STOPPED, {}),
        (State.EXITED, {"last_end": ExitStatus(0)}),
        (State.FATAL, {"last_end": ExitStatus(3)}),
    ],
)
def test_a_schedule_that_is_off_is_said(state, fields):
    """And how it is switched on; not in a shutdown, which switches all of them off."""
    one = process(state, wanted=False, **DAILY, **fields)
    said = explain(one, AT)
    assert because(said)[-1] == "its schedule (@daily) is off, so no run comes by itself"
    assert said.commands[0] == "procmanctl start web"
    assert said.options[-1].option == "schedule"
    ending = explain(one, Around(now=100.0, master=MasterState.SHUTDOWN))
    assert "off" not in " ".join(because(ending))


def test_a_run_by_hand_while_the_schedule_is_off():
    """It is as it should be, and no other run follows."""
    said = explain(process(State.RUNNING, **DAILY), AT)
    assert said.as_wanted
    assert said.next.endswith("its schedule is off")


def test_a_health_without_a_check_is_not_spoken_of():
    """As while it is debugged."""
    assert because(explain(process(State.RUNNING, health=Health()), AT)) == ["its process (pid 12) is up"]

"""What a running fleet should do after a fault is predicted from its present state, and compared with what it did."""

from signal import SIGKILL

import pytest

from procman.core.attribution import BOOT, Origin
from procman.core.events import BootRequested, ExitStatus
from procman.core.fleet import Fleet
from procman.simulator.notation import Given
from procman.simulator.prediction import Step, copied, is_complete, is_on_its_way, judge, path, predict
from procman.simulator.world import World
from tests.simulator.timelines import scenario

STACK = """
    [program.db]
    command = "db"
    ready = "tcp:5432"
    startsecs = 0
    backoff = "5s..60s"
    health = "http://127.0.0.1:1/"
    health_interval = "2s"
    health_retries = 1
    [program.web]
    command = "web"
    depends_on = ["db"]
    on_dependency_restart = "restart"
    startsecs = 0
    [program.other]
    command = "other"
    [program.every]
    command = "every"
    schedule = "every 5s"
    [program.hook]
    command = "hook"
    pre_start = ["x"]
    watchdog = "10s"
"""


def booted(told, until, hear=lambda _at, _record: None):
    """A fleet that has run for so long; `hear` is told of all that happens."""
    fleet = Fleet(told.groups, told.policy)
    world = World(fleet, {}, hear)
    world.post(BootRequested(), Origin(BOOT))
    while (when := world.next()) is not None and when <= until:
        world.step()
    return world


FAULTS = {
    "kill": lambda world: world.end("db", ExitStatus(-1, SIGKILL)),
    "hang": lambda world: world.hang("db", 30.0),
    "unready": lambda world: world.unready("db", 4.0),
}
LASTS = {"kill": None, "hang": 30.0, "unready": 4.0}


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("until", [5.0, 7.31, 40.0])
def test_what_is_predicted_is_what_the_same_world_then_does(tmp_path, fault, until):
    """From any moment of its life; and the fleet stays as it is."""
    told, records = scenario(tmp_path, STACK), []
    world = booted(told, until, lambda at, record: records.append((at, record)))
    names = ("db", "web")
    before = copied(world.fleet)
    found = predict(copied(world.fleet), told.policy, Given(fault, "db", 0.0, LASTS[fault]), world.now, names)
    assert copied(world.fleet) == before
    assert found.is_whole
    assert not found.ends_master

    begin = world.now
    records.clear()
    FAULTS[fault](world)
    while world.now < begin + 100:
        world.step()
    seen = [
        (round(at - begin, 6), record.name, record.before, record.after, record.reason)
        for at, record in records
        if record.kind == "state" and record.after and record.name in names
    ]
    assert [(round(at, 6), *rest) for at, *rest in found.steps] == seen
    assert seen[-1][3] == "RUNNING"


def test_a_back_off_goes_on_where_it_was(tmp_path):
    """What has failed before makes the next delay longer."""
    told = scenario(tmp_path, STACK.replace('"http://127.0.0.1:1/"', '"tcp:1"'))
    world = booted(told, 5.0)
    waits = []
    for _ in range(2):
        found = predict(copied(world.fleet), told.policy, Given("unready", "db", 0.0, 3.0), world.now, ("db",))
        place = next(n for n, step in enumerate(found.steps) if step.after == "BACKOFF")
        waits.append(found.steps[place + 1].at - found.steps[place].at)
        world.unready("db", 3.0)
        until = world.now + found.steps[-1].at + 0.5
        while world.next() <= until:
            world.step()
    assert waits[1] > waits[0] * 1.5


def test_what_a_program_says_by_itself_comes_while_looks_at_it_are_made_to_fail(tmp_path):
    """Its watchdog is fed, and READY=1 is said again when its health check has had it restarted."""
    text = (
        '[program.a]\ncommand = "a"\nready = "notify"\nstartsecs = 0\nstart_timeout = "10s"\nwatchdog = "4s"\n'
        'health = "tcp:1"\nhealth_interval = "60s"\nhealth_retries = 1\nbackoff = "1s"\n'
    )
    told = scenario(tmp_path, text)
    world = booted(told, 3.0)
    found = predict(copied(world.fleet), told.policy, Given("unready", "a", 0.0, 90.0), world.now, ("a",))
    assert [step.after for step in found.steps[:4]] == ["STOPPING", "BACKOFF", "STARTING", "RUNNING"]
    reasons = {step.reason for step in found.steps if step.after == "STOPPING"}
    assert reasons == {"unhealthy: not ready (simulated) (1 in a row)"}
    assert found.steps[-1].after == "RUNNING"


def test_what_never_rests_is_predicted_in_part(tmp_path):
    """And so is what would take too long."""
    told = scenario(tmp_path, '[program.a]\ncommand = "a"\nstartsecs = 0\ntype = "service"\nmax_age = "5s"\n')
    world = booted(told, 3.0)
    found = predict(copied(world.fleet), told.policy, Given("kill", "a", 0.0), world.now, ("a",))
    assert not found.is_whole
    assert len(found.steps) > 10


def test_the_end_of_the_master_is_predicted(tmp_path):
    """A critical program takes everything down."""
    told = scenario(tmp_path, '[program.a]\ncommand = "a"\nstartsecs = 0\ncritical = true\nautorestart = false\n')
    world = booted(told, 3.0)
    assert predict(copied(world.fleet), told.policy, Given("kill", "a", 0.0), world.now, ("a",)).ends_master


UP = [
    Step(0.0, "db", "RUNNING", "BACKOFF"),
    Step(5.0, "db", "BACKOFF", "STARTING"),
    Step(6.0, "db", "STARTING", "RUNNING"),
]


def judged(seen, **more):
    return [tuple(one) for one in judge(UP, seen, ("db", "web"), is_whole=more.get("is_whole", True))]


def test_a_judgement_is_about_states_and_delays_and_not_about_times():
    """How long a program takes is its own business; how long procman waits is in the file."""
    slow = [UP[0], UP[1]._replace(at=5.4), UP[2]._replace(at=60.0)]
    words = "RUNNING -> BACKOFF -> STARTING -> RUNNING; waits 5.4 s before the next try; ready again after 60.00 s"
    assert judged(slow) == [("db", True, words), ("web", True, "stays as it is")]
    late = [UP[0], UP[1]._replace(at=9.0), UP[2]._replace(at=10.0)]
    assert judged(late)[0] == ("db", False, "waits 9.0 s before the next try; by the file it is 5.0 s")


def test_what_is_missing_and_what_comes_besides_is_otherwise():
    """Of what is predicted in part, more may come."""
    assert judged(UP[:2])[0][1:] == (
        False,
        "expected RUNNING -> BACKOFF -> STARTING -> RUNNING; it was RUNNING -> BACKOFF -> STARTING",
    )
    more = [*UP, Step(7.0, "db", "RUNNING", "EXITED")]
    assert not judged(more)[0][1]
    assert judged(more, is_whole=False)[0][1]
    assert judged([*UP, Step(7.0, "web", "RUNNING", "STOPPING")])[1] == (
        "web",
        False,
        "expected no change; it was RUNNING -> STOPPING",
    )


def test_it_is_known_while_it_goes_on_whether_it_still_can_be_as_expected():
    """Each process for itself."""
    assert path(UP) == ["RUNNING", "BACKOFF", "STARTING", "RUNNING"]
    assert is_on_its_way(UP, UP[:2], ("db", "web"))
    assert not is_complete(UP, UP[:2], ("db", "web"))
    assert is_complete(UP, UP, ("db", "web"))
    assert not is_on_its_way(UP, [Step(0.0, "db", "RUNNING", "EXITED")], ("db", "web"))
    assert not is_on_its_way(UP, [Step(0.0, "web", "RUNNING", "EXITED")], ("db", "web"))

"""Plans that are applied, and updates that are kept or rolled back, on an engine without an operating system."""

import asyncio
import json

import pytest

from procman.config.schema.configuration import Config
from procman.config.schema.notify import Notify
from procman.config.snapshot import read_access, read_group, read_rules
from procman.core.attribution import Actor
from procman.core.events import ShutdownRequested
from procman.errors import BadRequest, OperationError, Reason, WrongState
from procman.runtime.bus import ConfirmationNews
from procman.runtime.update_mark import Unfinished, UpdateMark
from procman.services.update_service import UpdateService
from procman.services.update_state import Readers
from tests.support.programs import group
from tests.support.virtual_engine import AtOnce, Services

CLIENT = Actor("client", uid=0, pid=7)
READERS = Readers(read_group, read_rules, read_access)


def config_of(*groups, **more):
    return Config(file="/etc/procman.ini", here="/etc", groups=groups, **more)


class World:
    """A fleet that runs `active`, and a file that has `configured`."""

    def __init__(self, active, configured, mark=None):
        self.services = Services(*active, config=config_of(*active))
        self.write(*configured)
        self.engine = self.services.engine
        self.updates = self.services.updates
        self.news = []
        self.hear()

    def hear(self):
        self.engine.bus.subscribe(lambda news: self.news.append(news.event.what), ConfirmationNews)

    def write(self, *configured, **more):
        self.services.read = config_of(*configured, **more)

    def command(self, name="web"):
        return self.engine.fleet.processes[name].definition.command

    async def update(self, **more):
        operation = self.updates.update(actor=CLIENT, **more)
        await settled()
        return operation

    async def pass_time(self, seconds):
        self.engine.pass_time(seconds)
        self.updates.confirming.look()
        await settled()

    async def come_up(self, *names):
        """What has stopped, and is started again."""
        for name in names:
            self.engine.end(name)
        await settled()
        self.engine.spawn_all()
        await self.pass_time(2)


async def settled():
    for _ in range(30):
        await asyncio.sleep(0)


def run(steps):
    asyncio.run(steps)


OLD, NEW = group("web", command="/bin/old"), group("web", command="/bin/new")


async def changed(confirm=60.0):
    """A world in which an update has replaced web, which is up again."""
    world = World((OLD,), (NEW,))
    world.engine.run("web")
    operation = await world.update(confirm=confirm)
    await world.come_up("web")
    return world, operation


def test_a_confirmed_update_is_kept_once_all_of_it_is_ready():
    """The confirmation may come before."""

    async def steps():
        world = World((OLD,), (NEW,))
        world.engine.run("web")
        operation = await world.update(confirm=60.0)
        world.updates.confirming.confirm(operation.id, CLIENT)
        await world.come_up()
        assert (operation.ended, operation.is_accepted) == (None, False)
        world.engine.end("web")
        await settled()
        assert (operation.ended, operation.is_accepted) == (None, True)
        world.engine.spawn_all()
        await world.pass_time(2)
        assert (operation.error, operation.ended is None) == (None, False)
        assert (world.command(), world.updates.confirming.pending) == ("/bin/new", None)
        assert world.news == ["confirmed", "pending", "kept"]

    run(steps())


def test_an_update_that_nobody_confirms_is_rolled_back():
    """The definitions from before it come back, and the file is left as it is."""

    async def steps():
        world, operation = await changed()
        assert world.updates.confirming.pending.left == 58.0
        await world.pass_time(57.9)
        assert operation.ended is None
        await world.pass_time(0.1)
        assert world.updates.confirming.pending.stage == "rolling back"
        world.engine.end("web")
        await settled()
        assert operation.error.reason is Reason.NOT_CONFIRMED
        assert str(operation.error) == "update 1 was rolled back: nobody has confirmed it"
        assert world.command() == "/bin/old"
        assert world.services.configuration.config.groups == (NEW,)
        assert world.news == ["pending", "rolling back", "rolled back"]

    run(steps())


def test_what_fails_for_good_is_rolled_back_at_once():
    """Nothing but an operator would bring it back."""

    async def steps():
        world = World((OLD,), (group("web", command="/bin/new", startretries=0),))
        world.engine.run("web")
        operation = await world.update(confirm=60.0)
        world.engine.end("web")
        world.engine.spawn_all()
        world.engine.end("web", 1)
        await settled()
        assert world.command() == "/bin/old"
        assert "web is FATAL" in str(operation.error)

    run(steps())


def test_an_abort_rolls_back_what_was_added_removed_and_changed():
    """A group that is gone is there again, and one that came is not; sections that are no programs as well."""

    async def steps():
        rule = Notify(name="ops", on=("fatal",), exec="true")
        world = World((OLD, group("gone")), ())
        world.write(NEW, group("come"), access=())
        world.services.notifying.rules = ()
        world.services.notifying.apply = lambda rules: setattr(world.services.notifying, "rules", rules)
        world.write(NEW, group("come"), notify=(rule,))
        operation = await world.update(confirm=60.0)
        assert list(world.engine.fleet.groups) == ["web", "come"]
        assert world.services.notifying.rules == (rule,)
        world.updates.confirming.abort(None, CLIENT)
        await settled()
        for process in list(world.engine.fleet.processes.values()):
            if process.pid is not None:
                world.engine.end(process.name)
        await settled()
        assert list(world.engine.fleet.groups) == ["web", "gone"]
        assert (world.command(), world.services.notifying.rules) == ("/bin/old", ())
        assert "aborted by uid 0" in str(operation.error)

    run(steps())


def test_nothing_else_is_changed_while_an_update_waits():
    """Another update, add and remove are refused with the way out."""

    async def steps():
        world, _ = await changed()
        for act in (
            world.updates.update,
            lambda: world.services.configuration.add("web"),
            lambda: world.services.configuration.remove("web"),
            lambda: world.updates.apply({}, None, lambda _: True),
        ):
            with pytest.raises(WrongState, match="update 1 waits for its confirmation: keep it") as refusal:
                act()
            assert refusal.value.reason is Reason.UNCONFIRMED

    run(steps())


def test_of_two_updates_the_second_is_refused_when_its_turn_has_come():
    """It was asked for while the first was being carried out, and not waited for its confirmation yet."""

    async def steps():
        world = World((OLD,), (NEW,))
        world.engine.run("web")
        first = world.updates.update(confirm=60.0)
        second = world.updates.update()
        await settled()
        await world.come_up("web")
        assert first.ended is None
        assert second.error.reason is Reason.UNCONFIRMED

    run(steps())


def test_without_a_change_there_is_nothing_to_confirm():
    """The update has ended."""

    async def steps():
        world = World((OLD,), (OLD,))
        operation = await world.update(confirm=60.0)
        assert (operation.ended is None, operation.steps) == (False, [])
        assert world.updates.confirming.pending is None

    run(steps())


def test_an_update_that_does_not_wait_cannot_be_confirmed():
    """Neither without an id, nor with that of another operation."""

    async def steps():
        world, operation = await changed()
        with pytest.raises(OperationError, match=r"operation 99 does not wait for a confirmation; update 1 does"):
            world.updates.confirming.confirm(99, CLIENT)
        world.updates.confirming.abort(operation.id, CLIENT)
        await settled()
        with pytest.raises(WrongState, match="update 1 is being rolled back: aborted by"):
            world.updates.confirming.confirm(None, CLIENT)
        with pytest.raises(WrongState, match="update 1 is being rolled back: wait for its end"):
            world.updates.update()
        world.engine.end("web")
        await settled()
        for number, text in ((None, "no update waits"), (1, "operation 1 does not wait")):
            with pytest.raises(OperationError, match=text) as refusal:
                world.updates.confirming.abort(number, CLIENT)
            assert refusal.value.reason is Reason.UNKNOWN_OPERATION

    run(steps())


@pytest.mark.parametrize("seconds", [0, -1, 86401, float("nan")])
def test_a_time_for_the_confirmation_has_bounds(seconds):
    """Nothing is begun."""

    async def steps():
        world = World((OLD,), (NEW,))
        with pytest.raises(BadRequest, match="for a confirmation: expected more than 0 s, and at most a day"):
            world.updates.update(confirm=seconds)
        assert world.services.operations.latest() == []

    run(steps())


def test_what_was_not_well_before_is_no_reason_to_roll_back_a_change_in_place():
    """The change did not stop it."""

    async def steps():
        world = World((OLD, group("ill", startretries=0)), ())
        world.engine.run("web", "ill")
        world.engine.end("ill", 1)
        world.engine.spawn_all()
        world.engine.end("ill", 1)
        world.write(group("web", command="/bin/old", stopwaitsecs=3), group("ill", startretries=0, stopwaitsecs=3))
        operation = await world.update(confirm=60.0)
        assert world.updates.confirming.pending.names == ("web",)
        world.updates.confirming.confirm(None, CLIENT)
        await settled()
        assert (operation.ended is None, operation.error) == (False, None)

    run(steps())


def test_a_shutdown_ends_the_wait_without_a_roll_back():
    """It is told, and the definitions stay as they are."""

    async def steps():
        world, _ = await changed()
        world.engine.post(ShutdownRequested(restart=False))
        await settled()
        assert world.news[-1] == "left"
        assert (world.command(), world.updates.confirming.pending) == ("/bin/new", None)

    run(steps())


def handed_over(world):
    """The service of another process image, with what this one has handed over, as JSON."""
    data = json.loads(json.dumps(world.updates.snapshot()))
    world.updates = UpdateService(
        world.engine,
        world.services.master,
        world.services.configuration,
        mark=UpdateMark(None),
        clock=lambda: world.engine.now,
        beside=AtOnce(0.0),
    )
    world.updates.restore(data, READERS)
    world.updates.confirming.go_on()


def test_an_upgrade_does_not_end_the_wait():
    """The time goes on, and the roll-back knows what was before."""

    async def steps():
        world, operation = await changed()
        world.updates.confirming.look = lambda: None  # the old image is gone
        handed_over(world)
        pending = world.updates.confirming.pending
        assert (pending.operation.id, pending.operation.actor, pending.left) == (operation.id, CLIENT, 58.0)
        await world.pass_time(58)
        world.engine.end("web")
        await settled()
        assert world.command() == "/bin/old"
        assert world.services.operations.one(operation.id).error.reason is Reason.NOT_CONFIRMED

    run(steps())


def test_an_update_that_is_being_carried_out_goes_on_after_an_upgrade():
    """What was to come after the stops comes then, and is waited for as it would have been."""

    async def steps():
        world = World((OLD,), (NEW, group("late")))
        world.engine.run("web")
        operation = await world.update(confirm=60.0)
        assert list(world.engine.fleet.groups) == ["web"]
        data = json.loads(json.dumps(world.updates.snapshot()))
        after = World((OLD,), (NEW, group("late")))
        after.services.configuration.config = world.services.read
        after.engine = after.services.engine = world.engine
        del data["under_way"]["operation"]["steps"][:]
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        world.updates = UpdateService(
            world.engine,
            world.services.master,
            world.services.configuration,
            mark=UpdateMark(None),
            clock=lambda: world.engine.now,
            beside=AtOnce(0.0),
        )
        world.updates.restore(data, READERS)
        world.updates.confirming.go_on()
        await settled()
        assert list(world.engine.fleet.groups) == ["web"]
        world.engine.end("web")
        await settled()
        assert list(world.engine.fleet.groups) == ["web", "late"]
        assert world.updates.confirming.pending.operation.id == operation.id
        assert world.updates.confirming.pending.stage == "waiting"

    run(steps())


def test_the_next_master_tells_of_an_update_that_a_kill_has_cut_off(tmp_path):
    """Once; what is in the file is read with caution."""

    async def steps():
        path = str(tmp_path / "x.update")
        UpdateMark(path).put(Unfinished(12, ("all",), 1.0, 60.0))
        world = World((OLD,), (NEW,))
        told = []
        world.engine.bus.subscribe(lambda news: told.append(news.event), ConfirmationNews)

        def begin():
            service = UpdateService(
                world.engine, world.services.master, world.services.configuration, mark=UpdateMark(path)
            )
            service.confirming.report_unfinished()

        begin()
        begin()
        [news] = told
        assert (news.operation, news.what) == (12, "unfinished")
        assert "it has ended without a roll-back, and what the file has now is in effect" in news.words
        for content in ("", "[]", '{"procman": 1}', '{"procman": 9}', "x" * 70000):
            (tmp_path / "x.update").write_text(content)
            begin()
        assert len(told) == 1
        assert not (tmp_path / "x.update").exists()

    run(steps())


# ---- plans


def deep(levels=2000):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def plan_of(world, names=None, may=None):
    return world.updates.plan(names, may)


def without(plan, *parts):
    return {key: value for key, value in plan.items() if key not in parts}


async def applied(world, plan, **more):
    operation = world.updates.apply(plan, CLIENT, lambda _: True, **more)
    await settled()
    return operation


def test_a_plan_is_applied_while_nothing_has_changed():
    """It is plain JSON, which may have been written and read; with a confirmation it waits for that."""

    async def steps():
        world = World((OLD,), (NEW,))
        plan = json.loads(json.dumps(await plan_of(world)), parse_int=float)  # as some languages have it
        plan["version"] = int(plan["version"])
        assert [(change["name"], change["action"]) for change in plan["changes"]] == [("web", "restarted")]
        assert world.command() == "/bin/old"
        operation = await applied(world, plan, confirm=60.0)
        assert (world.command(), operation.ended) == ("/bin/new", None)
        assert world.updates.confirming.pending.stage == "waiting"

    run(steps())


def test_a_plan_is_refused_when_the_file_or_what_runs_has_changed():
    """The message says which, and nothing is done."""

    async def steps():
        world = World((OLD, group("db")), (NEW, group("db")))
        plan = await plan_of(world)
        world.write(group("web", command="/bin/other"), group("db"))
        operation = await applied(world, plan)
        assert operation.error.reason is Reason.STALE_PLAN
        assert "the file has another definition of web;" in str(operation.error)
        world.write(NEW, group("db"))
        await applied(world, plan)
        operation = await applied(world, plan)
        assert "another definition of web is in effect" in str(operation.error)
        assert operation.steps == []

    run(steps())


def test_a_plan_for_some_groups_is_not_refused_for_others():
    """What another group has become since is no concern of it."""

    async def steps():
        world = World((OLD, group("db")), (NEW, group("db")))
        plan = await plan_of(world, ["web", "nobody"])
        assert (plan["groups"], plan["unknown"]) == (["web"], ["nobody"])
        world.write(NEW, group("db", stopwaitsecs=3))
        operation = await applied(world, plan)
        assert (operation.error, operation.targets, world.command()) == (None, ("web",), "/bin/new")

    run(steps())


def test_what_is_no_plan_of_this_master_is_refused():
    """Each with its reason; nothing is begun."""

    async def steps():
        world, other = World((OLD,), (NEW,)), World((OLD,), (NEW,))
        plan = await plan_of(world)
        await plan_of(other)
        refused = {
            "this is no plan of an update": [None, [], "x", {}, {"format": "other"}],
            "the plan is of version 2": [{**plan, "version": 2}],
            "the plan is of another master": [
                {**plan, "master": {**plan["master"], "host": "elsewhere"}},
                {**plan, "master": None},
            ],
            "the plan was changed after it was made": [
                {**plan, "changes": []},
                {**plan, "shown": "0"},
                {**without(plan, "changes", "needs_reload"), "shown": "0"},
                {**plan, "seal": None},
                {**plan, "changes": deep()},
                {key: value for key, value in plan.items() if key != "digests"},
            ],
        }
        for text, plans in refused.items():
            for bad in plans:
                with pytest.raises(BadRequest, match=text):
                    world.updates.apply(bad, CLIENT, lambda _: True)
        with pytest.raises(WrongState, match="this master was started after it was made") as refusal:
            other.updates.apply(plan, CLIENT, lambda _: True)
        assert refusal.value.reason is Reason.STALE_PLAN
        assert world.services.operations.latest() == []

    run(steps())


def test_a_plan_outlives_an_upgrade():
    """The salt of its digests is handed over."""

    async def steps():
        world = World((OLD,), (NEW,))
        plan = await plan_of(world)
        handed_over(world)
        assert (await applied(world, plan)).error is None

    run(steps())


def test_a_client_plans_only_what_it_sees():
    """Neither groups nor dependents that are hidden from it are in its plan, and it cannot apply more than it may."""

    async def steps():
        world = World((OLD, group("secret")), (NEW, group("secret", command="/bin/else")))
        plan = await plan_of(world, may=lambda name: name == "web")
        assert (plan["groups"], plan["digests"].keys()) == (["web"], {"web"})
        assert "secret" not in json.dumps(plan)
        assert (await plan_of(world, ["secret"], lambda name: name == "web"))["unknown"] == ["secret"]
        asked = []
        with pytest.raises(BadRequest):
            world.updates.apply(plan, CLIENT, asked.append)
        assert asked == ["web"]
        with pytest.raises(BadRequest):
            world.updates.apply(await plan_of(world), CLIENT, lambda name: name is not None)

    run(steps())

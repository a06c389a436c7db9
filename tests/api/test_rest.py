"""/v1: what endpoints take and give, the codes of errors, and operations that a client waits for or comes back to."""

import asyncio
import contextlib
import json
import signal

import pytest

from procman.api.error_codes import CODES
from procman.api.faults import Fault, fault_of
from procman.api.health import Health
from procman.api.rest.answers import route_problem
from procman.api.rest.master_endpoints import MasterEndpoints
from procman.api.rest.process_endpoints import ProcessEndpoints
from procman.client.api_client import ApiError
from procman.errors import OperationError, Reason
from procman.http.messages import Peer, Request
from procman.http.router import Router
from tests.support.programs import group
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster
from tests.support.virtual_engine import Services


class Site:
    """The endpoints on services without an operating system."""

    def __init__(self, *groups, logs=None):
        self.services = services = Services(*groups)
        self.engine = services.engine
        self.router = Router(problem=route_problem)
        ProcessEndpoints(services.master, services.processes, services.configuration, logs).add_to(self.router)
        MasterEndpoints(
            services.master,
            services.configuration,
            None,
            health=Health(services.master, services.processes.table),
            about=lambda _: {},
            tell_listeners=lambda *_: None,
            upgrade=None,
            file_warnings=None,
        ).add_to(self.router)

    async def ask(self, method, target, body=None):
        """Status and JSON of the answer."""
        data = b"" if body is None else json.dumps(body).encode()
        request = Request.of(method, target, body=data, peer=Peer(7, 4711, 4711))
        answer = await self.router(request)
        return answer.status, json.loads(answer.body)


def web(**options):
    return group("web", command="/bin/true", **options)


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def test_every_reason_has_a_code_and_a_fault_of_the_same_name():
    assert CODES.keys() == set(Reason)
    assert {reason: code.word for reason, code in CODES.items()} == {reason: fault_of(reason).name for reason in Reason}
    assert fault_of(None) is Fault.SUCCESS


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "code"),
    [
        ("GET", "/v1/processes/nobody", None, 404, "BAD_NAME"),
        ("GET", "/v1/operations/1", None, 404, "BAD_NAME"),
        ("GET", "/v1/operations/first", None, 400, "BAD_ARGUMENTS"),
        ("GET", "/v1/nothing", None, 404, "UNKNOWN_METHOD"),
        ("PUT", "/v1/processes", None, 405, "UNKNOWN_METHOD"),
        ("POST", "/v1/processes/web/explode", None, 404, "BAD_NAME"),
        ("POST", "/v1/processes/stop", {"names": "web"}, 400, "BAD_ARGUMENTS"),
        ("POST", "/v1/processes/web/stop", {"wait": 1}, 400, "BAD_ARGUMENTS"),
        ("POST", "/v1/processes/web/stop", {"timeout": "1 s"}, 400, "BAD_ARGUMENTS"),
        ("POST", "/v1/processes/web/stop", {"timeout": -1}, 400, "BAD_ARGUMENTS"),
        ("POST", "/v1/groups/web/add", None, 409, "ALREADY_ADDED"),
        ("POST", "/v1/groups/nobody/remove", None, 404, "BAD_NAME"),
    ],
)
def test_an_error_has_a_status_and_a_code(method, target, body, status, code):
    async def steps():
        found, answer = await Site(web()).ask(method, target, body)
        assert (found, answer["error"]["code"]) == (status, code)
        assert answer["error"]["message"]

    asyncio.run(steps())


def test_what_cannot_be_done_with_one_process_is_a_result():
    async def steps():
        status, answer = await Site(web()).ask("POST", "/v1/processes/stop", {"names": ["web", "nobody"]})
        assert status == 200
        assert answer["results"] == [
            {"name": "web", "group": "web", "status": "NOT_RUNNING", "description": "web"},
            {"name": "nobody", "group": "nobody", "status": "BAD_NAME", "description": "nobody"},
        ]

    asyncio.run(steps())


class UnwritableLogs:
    async def clear(self, name):
        await asyncio.sleep(0)
        raise OperationError(f"cannot clear the log of {name}", Reason.FAILED)


def test_clearing_is_always_waited_for():
    """Only its end tells whether it could be done."""

    async def steps():
        site = Site(web(), logs=UnwritableLogs())
        _, answer = await site.ask("POST", "/v1/processes/web/clear", {"wait": False})
        (result,) = answer["results"]
        assert (result["status"], result["description"]) == ("FAILED", "cannot clear the log of web")

    asyncio.run(steps())


def test_an_answer_that_is_not_waited_for_comes_at_once():
    async def steps():
        site = Site(web(startsecs=5))
        status, answer = await site.ask("POST", "/v1/processes/web/start", {"wait": False})
        assert (status, answer) == (
            200,
            {"operation": 1, "results": [{"name": "web", "group": "web", "status": "SUCCESS", "description": "OK"}]},
        )
        _, operation = await site.ask("GET", "/v1/operations/1")
        assert (operation["state"], operation["pending"], operation["results"]) == ("running", ["web"], [])

    asyncio.run(steps())


def test_a_timeout_answers_with_what_is_known_and_the_id():
    async def steps():
        site = Site(web(startsecs=5), group("other"))
        status, answer = await site.ask("POST", "/v1/processes/start", {"names": ["web", "nobody"], "timeout": 0.01})
        assert (status, answer["operation"], answer["pending"]) == (200, 1, ["web"])
        assert [result["name"] for result in answer["results"]] == ["nobody"]

    asyncio.run(steps())


def test_a_client_comes_back_for_an_operation():
    async def steps():
        site = Site(web(startsecs=5))
        await site.ask("POST", "/v1/processes/web/start", {"timeout": 0})
        site.engine.spawn_all()
        client = asyncio.ensure_future(site.ask("GET", "/v1/operations/1?timeout=60"))
        await turns()
        assert not client.done()
        site.engine.pass_time(5)
        _, operation = await client
        assert operation["ended"] >= operation["began"]
        assert operation == operation | {
            "id": 1,
            "kind": "start",
            "targets": ["web"],
            "actor": "uid 4711 (pid 7)",
            "state": "done",
            "pending": [],
            "results": [{"name": "web", "group": "web", "status": "SUCCESS", "description": "OK"}],
            "steps": [],
        }

    asyncio.run(steps())


def test_the_latest_operations_come_first():
    async def steps():
        site = Site(web())
        await site.ask("POST", "/v1/processes/web/stop")
        await site.ask("POST", "/v1/master/shutdown")
        _, answer = await site.ask("GET", "/v1/operations")
        assert [(one["id"], one["kind"]) for one in answer["operations"]] == [(2, "shutdown"), (1, "stop")]

    asyncio.run(steps())


def test_nothing_changes_while_the_master_shuts_down():
    async def steps():
        site = Site(web(startsecs=5))
        site.engine.run("web")
        await site.ask("POST", "/v1/master/shutdown")
        status, answer = await site.ask("POST", "/v1/processes/web/start")
        assert (status, answer["error"]["code"]) == (503, "SHUTDOWN_STATE")
        _, answer = await site.ask("GET", "/v1/health")
        assert answer["missing"][0] == "procman is shutting down"

    asyncio.run(steps())


# ---- a real master


@pytest.fixture
def master(tmp_path):
    programs = (
        f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
        f"[program:stubborn]\ncommand={STUBBORN}\nstartsecs=0\nstopwaitsecs=3\n"
        f"[program:slow]\ncommand={SLEEPER}\nautostart=false\nstartsecs=2\n"
    )
    with contextlib.closing(RunningMaster(tmp_path, programs)) as master:
        master.wait_for("success: web")
        master.wait_for("spawned: 'stubborn'")
        with contextlib.closing(master.follow("stubborn")) as output:
            assert next(output) == b"armed\n"
        yield master


def test_a_real_operation_goes_on_after_its_client_has_left(master):
    answer = master.call("POST", "/v1/processes/slow/start", {"timeout": 0.2})
    assert (answer["pending"], answer["results"]) == (["slow"], [])
    operation = master.call("GET", f"/v1/operations/{answer['operation']}?timeout=20")
    assert (operation["state"], [result["status"] for result in operation["results"]]) == ("done", ["SUCCESS"])
    assert 1.5 < operation["ended"] - operation["began"] < 20
    assert operation["actor"].startswith("uid ")
    assert master.info("slow")["statename"] == "RUNNING"


def test_an_operation_that_timed_out_still_stops_the_process(master):
    stop = master.call("POST", "/v1/processes/stop", {"names": ["web", "stubborn"], "timeout": 1.5})
    assert stop["pending"] == ["stubborn"]
    assert [result["name"] for result in stop["results"]] == ["web"]
    operation = master.call("GET", f"/v1/operations/{stop['operation']}?timeout=20")
    assert {result["name"]: result["status"] for result in operation["results"]} == {
        "web": "SUCCESS",
        "stubborn": "SUCCESS",
    }


def test_an_update_that_fails_says_so_in_its_operation(master):
    master.write("[program:web]\ncommand=sleep 1\nstopsignal=NONSENSE\n")
    with pytest.raises(ApiError, match="NONSENSE") as error:
        master.call("POST", "/v1/config/update", {})
    assert error.value.code == "CANT_REREAD"
    (operation, *_) = master.call("GET", "/v1/operations")["operations"]
    assert (operation["kind"], operation["state"], operation["error"]["code"]) == ("update", "failed", "CANT_REREAD")


def test_ids_go_on_over_a_reload_and_an_upgrade(master):
    first = master.call("POST", "/v1/processes/web/signal", {"signal": "CONT"})["operation"]
    seen = len(master.lines)
    assert master.call("POST", "/v1/master/reload")["operation"] == first + 1
    master.wait_for("success: web", after=seen)
    kinds = [one["kind"] for one in master.call("GET", "/v1/operations")["operations"]]
    assert kinds == ["reload", "signal"]
    upgrade = master.call("POST", "/v1/master/upgrade")
    master.wait_for("upgraded: procman")
    assert upgrade["operation"] == first + 2
    assert master.call("POST", "/v1/processes/web/signal", {"signal": "CONT"})["operation"] == first + 3


def test_a_reload_by_a_signal_is_an_operation(master):
    seen = len(master.lines)
    master.signal(signal.SIGHUP)
    master.wait_for("success: web", after=seen)
    (operation,) = master.call("GET", "/v1/operations")["operations"]
    assert (operation["kind"], operation["actor"], operation["state"]) == ("reload", "SIGHUP", "done")

"""`GET /v1/stop-plan` and `procmanctl stop-plan` use the active configuration, not the file."""

import json

import pytest

from procman.client.api_client import ApiError
from tests.support.running_master import SLEEPER, RunningMaster

UP = r"success: {} entered RUNNING"


def programs(web: int, db: int) -> str:
    return (
        f"[program:web]\ncommand={SLEEPER}\nstopwaitsecs={web}\n"
        f"[program:db]\ncommand={SLEEPER}\nstopwaitsecs={db}\npriority=10\n"
    )


@pytest.fixture
def master(tmp_path):
    """Two programs in two waves."""
    running = RunningMaster(tmp_path, programs(7, 20), master="shutdown_timeout=60s")
    with running:
        running.expect_all([UP.format("web"), UP.format("db")])
        yield running
        running.close()


def waits(master):
    return [(wave["critical"], wave["seconds"]) for wave in master.call("GET", "/v1/stop-plan")["waves"]]


def test_the_plan_is_of_what_runs_and_follows_an_update(master):
    """The plan changes with an update, without a restart, not with the file."""
    assert waits(master) == [(["web"], 7), (["db"], 20)]
    assert master.call("GET", "/v1/stop-plan")["shutdown_timeout"] == 60
    pid = master.info("web")["pid"]
    master.write(programs(3, 4))
    assert waits(master) == [(["web"], 7), (["db"], 20)]
    master.call("POST", "/v1/config/update", {})
    assert waits(master) == [(["web"], 3), (["db"], 4)]
    assert master.info("web")["pid"] == pid


def test_a_budget_is_held_against_it(master):
    """A budget that does not fit gives exit status 1 and the text of `procman check`; bad durations are refused."""
    ran = master.ctl("stop-plan", "--budget", "10s")
    assert (ran.returncode, ran.stdout.splitlines()[0]) == (1, "a shutdown takes at most 28 s:")
    assert "  [program:db] stopwaitsecs = 5 (now 20)" in ran.stdout.splitlines()
    assert master.ctl("stop-plan", "--budget", "28").returncode == 0
    (verdict,) = json.loads(master.ctl("stop-plan", "--budget=1m", "--json").stdout)["budgets"]
    assert (verdict["seconds"], verdict["fits"]) == (60, True)
    with pytest.raises(ApiError, match="expected something like 10, 10s, 1m30s or 500ms") as refused:
        master.call("GET", "/v1/stop-plan?budget=soon")
    assert refused.value.status == 400

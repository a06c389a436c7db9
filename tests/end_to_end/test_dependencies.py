"""A real master with programs that depend on each other: the ends that other managers are known to get wrong."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL, SIGTERM

from tests.support.running_master import RunningMaster

SLEEPS = "command=sleep 1000\nstartsecs=0\n"


def stack(*sections: str) -> str:
    """The sections, each as NAME and its further lines."""
    return "".join(f"[program:{name}]\n{SLEEPS}{lines}\n" for name, _, lines in (s.partition("\n") for s in sections))


def pid_of(master: RunningMaster, name: str) -> int:
    return int(master.ctl("pid", name).stdout)


def since(master: RunningMaster, line: int) -> str:
    return "\n".join(master.lines[line:])


def test_a_boot_starts_what_is_needed_first_and_a_shutdown_stops_it_last(tmp_path):
    """Also what has autostart=false, and whatever the priorities say."""
    config = stack("web\ndepends_on=app\npriority=1", "app\ndepends_on=db", "db\nautostart=false\npriority=999")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("spawned: 'web'")
        assert re.findall("spawned: '(.*?)'", master.text) == ["db", "app", "web"]
        master.process.send_signal(SIGTERM)
        master.wait_for("stopped: db")
        assert re.findall(r"stopped: (\w+)", master.text) == ["web", "app", "db"]


def test_systemd_18856_a_dependent_comes_back_by_itself(tmp_path):
    """Its dependency failed first and was mended later; nobody has to start the dependent."""
    mended = tmp_path / "mended"
    db = f"[program:db]\ncommand=sh -c 'test -e {mended} && exec sleep 1000'\nstartsecs=1\nstartretries=0\n"
    with RunningMaster(tmp_path, db + stack("web\ndepends_on=db")) as master:
        at = master.wait_for("web is FATAL, blocked: db is FATAL: Exited too quickly")
        asked = master.ctl("start", "web")
        assert asked.returncode == 7, asked
        assert asked.stdout.startswith("web: ERROR (blocked: db is FATAL: Exited too quickly")
        assert "web: FATAL (blocked): db is FATAL: Exited too quickly" in master.ctl("status", "--long").stdout
        at = master.wait_for("web is FATAL, blocked", after=at)
        assert "after the process of db had ended by itself" in master.ctl("why", "web").stdout
        mended.touch()
        assert master.ctl("start", "db").stdout == "db: started\n"
        master.wait_for("web starts because of db", after=at)
        master.wait_for("spawned: 'web'", after=at)
        record = master.ctl("history", "web").stdout
        assert "web" in record


def test_pc_530_what_waits_may_be_restarted_and_an_earlier_readiness_does_not_count(tmp_path):
    """There is one web in the end, started after the present db is up."""
    up = tmp_path / "up"
    db = f"[program:db]\ncommand=sleep 1000\nready=file:{up}\nready_interval=50ms\n"
    with RunningMaster(tmp_path, db + stack("web\ndepends_on=db")) as master:
        at = master.wait_for("spawned: 'db'")
        up.touch()
        master.wait_for("spawned: 'web'")
        up.unlink()
        master.call("POST", "/v1/processes/db/restart", {"wait": False})
        master.call("POST", "/v1/processes/web/restart", {"wait": False})
        master.wait_for("spawned: 'db'", after=at)
        at = master.wait_for("stopped: web")
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(master.ctl, "restart", "web")
            while len(master.call("GET", "/v1/operations")["operations"]) < 3:
                assert not asked.done()
            up.touch()
            assert asked.result().stdout.endswith("web: started\n"), asked.result()
        master.wait_for("spawned: 'web'", after=at)
        assert master.text.count("spawned: 'web'") == 2, master.text
        assert since(master, at).index("success: db") < since(master, at).index("spawned: 'web'")


def test_a_diamond_restarts_its_tip_once(tmp_path):
    """Two dependencies are restarted in one operation; the program above both is restarted when both are up."""
    config = stack("db", "left\ndepends_on=db", "right\ndepends_on=db") + stack(
        "web\ndepends_on=left,right\non_dependency_restart=restart"
    )
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        at = master.so_far()
        master.call("POST", "/v1/processes/restart", {"names": ["left", "right"]})
        master.wait_for("success: web", after=at)
        assert re.findall("spawned: '(.*?)'", since(master, at))[-1] == "web"
        assert since(master, at).count("spawned: 'web'") == 1
        assert master.call("GET", "/v1/processes/web")["processes"][0]["statename"] == "RUNNING"


def test_a_stop_leaves_dependents_up_and_names_them_and_a_cascade_stops_them_first(tmp_path):
    """Taking dependents down is never the default."""
    config = stack("db", "app\ndepends_on=db", "web\ndepends_on=app")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        asked = master.ctl("stop", "db")
        assert asked.stdout.splitlines() == [
            "db: stopped",
            "still up and depending on it: app, web (procmanctl stop --cascade db stops them first)",
        ]
        assert pid_of(master, "web") > 0
        assert "└─ db@ready   STOPPED  <- does not hold" in master.ctl("graph").stdout
        at = master.wait_for("stopped: db")
        master.ctl("start", "db")
        at = master.wait_for("success: db", after=at)
        assert sorted(master.ctl("stop", "--cascade", "db").stdout.splitlines()) == [
            "app: stopped",
            "db: stopped",
            "web: stopped",
        ]
        master.wait_for("stopped: db", after=at)
        assert re.findall(r"stopped: (\w+)", since(master, at)) == ["web", "app", "db"]
        started = ["web: started", "db: started", "app: started"]
        assert master.ctl("start", "web", "db", "app").stdout.splitlines() == started
        at = master.wait_for("success: web", after=at)
        assert master.ctl("restart", "web", "db", "app").stdout.splitlines() == [
            "web: stopped",
            "db: stopped",
            "app: stopped",
            *started,
        ]
        master.wait_for("success: web", after=at)
        order = re.findall(r"(?:stopped|spawned): '?(\w+)", since(master, at))
        assert order[-6:] == ["web", "app", "db", "db", "app", "web"]


def test_a_bound_program_goes_down_with_its_dependency_and_comes_back_with_it(tmp_path):
    """It stops before a stop that is asked for, and says what it waits for meanwhile."""
    config = stack("db", "web\ndepends_on=db\non_dependency_stop=stop")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        assert master.ctl("stop", "db").stdout == "db: stopped\n"
        master.wait_for("stopped: db")
        assert re.findall(r"stopped: (\w+)", master.text) == ["web", "db"]
        assert "stopped with db, starts with it" in master.ctl("status", "web").stdout
        assert "on_dependency_stop = stop" in master.ctl("why", "web").stdout
        at = master.so_far()
        master.ctl("start", "db")
        master.wait_for("success: web", after=at)


def test_a_waiting_program_is_shown_with_what_it_waits_for_to_the_root(tmp_path):
    """In status, why, the graph and /readyz; --no-deps starts it now."""
    db = "[program:db]\ncommand=sleep 1000\nstartsecs=600\n"
    with RunningMaster(tmp_path, db + stack("app\ndepends_on=db", "web\ndepends_on=app,cache?", "cache")) as master:
        master.wait_for("spawned: 'cache'")
        assert re.search(r"web +STARTING +waits for app@ready \(1 of 2\)", master.ctl("status").stdout)
        why = master.ctl("why", "web").stdout
        assert "it waits for app@ready" in why
        assert "app waits for db@ready" in why
        assert "procmanctl why db" in why
        graph = json.loads(master.ctl("graph", "web", "--json").stdout)["processes"]
        assert [(edge["target"], edge["optional"], edge["holds"]) for edge in graph[0]["edges"]] == [
            ("app", False, False),
            ("cache", True, True),
        ]
        # How long that has lasted, and took, is as it is.
        assert re.sub(r"  (for|ready) [\w. ]+(?=\n|  )", "", master.ctl("graph").stdout).splitlines() == [
            "app  STARTING (waiting)",
            "└─ db@ready      STARTING  <- waited for",
            "web  STARTING (waiting)",
            "├─ app@ready     STARTING (waiting)  <- waited for",
            "└─ cache@ready?  RUNNING",
        ]
        master.ctl("stop", "cache")
        assert "└─ cache@ready?  STOPPED  optional, not on its way" in master.ctl("graph").stdout
        assert master.ctl("graph", "--mermaid").stdout.startswith("graph TD\n")
        assert master.ctl("start", "--no-deps", "web").stdout == "web: started\n"
        assert pid_of(master, "web") > 0


def test_a_killed_master_and_an_upgrade_leave_waits_as_they_are(tmp_path):
    """The next process of the master goes on waiting, and starts the program in the end."""
    go = tmp_path / "go"
    step = f"[program:step]\ncommand=sh -c 'until test -e {go}; do sleep 0.05; done'\ntype=oneshot\n"
    with RunningMaster(tmp_path, step + stack("web\ndepends_on=step")) as master:
        master.wait_for("spawned: 'step'")
        at = master.wait_for("spawned: 'step'")
        assert master.ctl("upgrade").returncode == 0
        assert "waits for step@done" in master.ctl("status", "web").stdout
        assert "spawned: 'web'" not in master.text
        go.touch()
        master.wait_for("spawned: 'web'", after=at)


def test_a_kill_of_a_dependency_restarts_who_wants_that(tmp_path):
    """Kill -9 of the database; the program that wants so is restarted when it is up again, the other one is not."""
    config = stack("db\nautorestart=true", "web\ndepends_on=db\non_dependency_restart=restart", "other\ndepends_on=db")
    with RunningMaster(tmp_path, config) as master:
        master.wait_for("success: web")
        master.wait_for("success: other")
        at, other = master.so_far(), pid_of(master, "other")
        master.ctl("signal", "KILL", "db")
        master.wait_for("success: web", after=at)
        assert SIGKILL.name in since(master, at)
        assert pid_of(master, "other") == other

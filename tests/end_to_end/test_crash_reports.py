"""Crash reports of a real master: each kind of end, what survives, and what is never in them."""

import json
import os
import re
import shutil
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from procman.client.api_client import ApiError
from tests.support.log_lines import PATIENCE
from tests.support.memory_cgroups import memory_cgroup
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster, python

ONCE = "autorestart=false\nstartretries=0\n"
SECRET = "hunter2-is-the-password"
LIMIT = 48 * 1024 * 1024
# Fails with the exit status that it reads.
FAILS = python("import sys; sys.exit(int(input()))")


@pytest.fixture
def start(tmp_path):
    """Starts masters, and ends them."""
    masters = []

    def run(programs: str, **options) -> RunningMaster:
        masters.append(RunningMaster(tmp_path, programs, **options))
        return masters[-1]

    yield run
    for master in masters:
        master.close()


def reports(master: RunningMaster) -> dict[str, dict]:
    """The latest whole report about each process, by its name."""
    found = {}
    for info in reversed(master.call("GET", "/v1/crashes")["crashes"]):
        found[info["name"]] = master.call("GET", f"/v1/crashes/{info['seq']}")
    return found


def until(condition) -> None:
    """For what has no line in the log."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lines(report: dict, stream: str = "stdout") -> list[str]:
    return report["output"][stream]["lines"]


def test_an_exit_is_told_with_the_last_words(start):
    """And with what the journal says under the same number."""
    code = "import sys; print('working'); print('it broke', file=sys.stderr); input(); sys.exit(3)"
    asked = "pre_start=sh -c 'echo migrated'\nhealth=exec:false\nhealth_interval=100ms\non_unhealthy=none\n"
    master = start(f"[program:web]\ncommand={python(code)}\n{asked}{ONCE}")
    master.wait_for("unhealthy: web")
    master.call("GET", "/v1/figures")
    master.say("web", "go\n")
    master.wait_for("exited: web")
    report = reports(master)["web"]
    assert [(one["hook"], one["result"], one["command"]) for one in report["hooks"]] == [("pre_start", "done", "sh")]
    assert {(one["ok"], one["words"]) for one in report["health"]} == {(False, "exec:false exit status 1")}
    shown = master.ctl("crash", str(report["seq"])).stdout
    assert "\n  health      ill (exec:false exit status 1); " in shown
    assert "\n  pre_start   done at " in shown
    assert (report["kind"], report["how"], report["run"]) == ("exit", "exit status 3", 1)
    assert (lines(report), lines(report, "stderr")) == (["working"], ["it broke"])
    assert report["usage"]["max_rss"] > 0
    assert report["last_look"]["fds"] >= 3
    assert report["age"] >= 1
    assert report["spawned"] <= report["running"] <= report["ended"]
    record = master.call("GET", f"/v1/journal?since={report['seq'] - 1}")["records"][0]
    assert (record["kind"], record["name"], record["data"]["code"]) == ("exit", "web", 3)


def test_signals_tell_their_sender(start):
    """The program itself, another program, or a client."""
    fault = python("import os, signal; input(); os.kill(os.getpid(), signal.SIGSEGV)")
    master = start(
        f"[program:fault]\ncommand={fault}\n{ONCE}[program:hit]\ncommand={SLEEPER}\n{ONCE}"
        f"[program:asked]\ncommand={SLEEPER}\n{ONCE}"
    )
    for _ in range(3):
        master.wait_for("entered RUNNING state")
    for name in ("fault", "hit", "asked"):
        master.wait_for(f"{name} entered RUNNING state")
    master.say("fault", "go\n")
    os.kill(master.info("hit")["pid"], signal.SIGKILL)
    master.call("POST", "/v1/processes/asked/signal", {"signal": "KILL"})
    for name in ("fault", "hit", "asked"):
        master.wait_for(f"exited: {name}")
    found = reports(master)
    assert (found["fault"]["exit"]["signal"], found["fault"]["sender"]["words"]) == ("SIGSEGV", "itself")
    assert (found["hit"]["exit"]["signal"], found["hit"]["sender"]["words"]) == ("SIGKILL", "not us")
    assert found["asked"]["sender"]["words"].startswith(f"operator: uid {os.geteuid()}")
    assert {found[name]["kind"] for name in found} <= {"signal", "out-of-memory"}


def test_our_own_sigkill_is_told_with_the_request_that_led_to_it(start):
    """Stopwaitsecs were over; a hook in between is a link of the chain of causes."""
    master = start(f"[program:stubborn]\ncommand={STUBBORN}\nstopwaitsecs=0\nbefore_kill=echo stacks\n{ONCE}")
    master.wait_for("entered RUNNING state")
    master.hear("stubborn", "armed")
    assert master.ctl("stop", "stubborn").returncode == 0
    report = reports(master)["stubborn"]
    assert (report["kind"], report["sender"]["words"]) == ("killed", "us: stopwaitsecs over")
    assert re.search(r"uid \d+ .*procmanctl stop stubborn|uid \d+ .*stop stubborn", report["sender"]["asked_by"])
    assert lines(report) == ["armed", "stacks"]
    assert report["last_look"]["fds"] >= 3
    assert report["last_look"]["rss"] > 0
    (only,) = report["last_look"]["tree"]
    assert (only["pid"], only["state"]) == (report["pid"], "sleeping")
    assert (
        f"\n  pid {only['pid']}".ljust(15) + f"{only['command']}: sleeping"
        in master.ctl("crash", str(report["seq"])).stdout
    )


def test_a_program_that_stood_still_is_known_to(start):
    """It has not seen its stop signal, as it was stopped by another one."""
    master = start(f"[program:still]\ncommand={SLEEPER}\nstopwaitsecs=0\n{ONCE}")
    master.wait_for("entered RUNNING state")
    pid = master.info("still")["pid"]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    master.ctl("stop", "still")
    assert reports(master)["still"]["last_look"]["state"] == "stopped by a signal (SIGSTOP, SIGTSTP)"


def test_failed_starts_are_told(start, tmp_path):
    """One that cannot be executed, with the way out; and one that ends before startsecs, each try counted."""
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    early = python("print('no database'); raise SystemExit(4)")
    master = start(
        f"[program:gone]\ncommand={script}\nstartretries=0\n[program:early]\ncommand={early}\nstartretries=1\n"
        "startsecs=60\n"
    )
    master.wait_for("early is FATAL")
    found = reports(master)
    assert found["gone"]["kind"] == "failed-start"
    assert "/no/such/interpreter" in found["gone"]["how"] + found["gone"]["explanation"]
    assert (found["gone"]["pid"], found["gone"]["exit"]) == (0, None)
    assert (found["early"]["kind"], found["early"]["times"]) == ("early-exit", 2)
    assert found["early"]["how"] == "exit status 4, sooner than startsecs (60 s)"
    assert lines(found["early"]) == ["no database"]


def test_an_end_for_want_of_memory_has_the_counters(start):
    """The program's own cgroup has counted it."""
    with memory_cgroup(f"crashes-own-{os.getpid()}", LIMIT) as folder:
        hungry = python("input(); print(len(bytearray(200_000_000)))")
        moved = f"sh -c 'echo $$ > {folder}/cgroup.procs; exec \"$@\"' sh {hungry}"
        master = start(f"[program:hungry]\ncommand={moved}\n{ONCE}")
        master.wait_for("hungry entered RUNNING state")
        master.say("hungry", "eat\n")
        master.wait_for("exited: hungry")
        report = reports(master)["hungry"]
        assert (report["kind"], report["oom"]["verdict"], report["oom"]["whose"]) == (
            "out-of-memory",
            "certain",
            "program",
        )
        assert report["oom"]["after"]["oom_kill"] == report["oom"]["before"]["oom_kill"] + 1
        assert report["oom"]["limit"] == LIMIT
        assert report["cgroup"] == str(folder)
        master.close()


def test_a_core_file_is_found(start, tmp_path):
    """Where the kernel writes cores to files."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"cores go elsewhere on this machine: {pattern}")
    code = (
        "import os, resource, signal\nresource.setrlimit(resource.RLIMIT_CORE, (1 << 26, 1 << 26))\ninput()\nos.abort()"
    )
    try:
        master = start(f"[program:web]\ncommand={python(code)}\ndirectory={tmp_path}\n{ONCE}")
        master.wait_for("entered RUNNING state")
        master.say("web", "go\n")
        master.wait_for("exited: web")
        report = reports(master)["web"]
        if not report["exit"]["core"]:
            pytest.skip("no core may be dumped here")
        assert os.path.dirname(report["core_file"]) == str(tmp_path)
    finally:
        for core in tmp_path.glob("core*"):
            core.unlink()


def test_floods_huge_lines_and_control_characters_are_bounded_and_harmless(start, tmp_path):
    """Whether the output goes into a file, past the master's memory, or not."""
    flood = "import sys\nfor number in range(20_000): print('line', number)\ninput(); sys.exit(1)"
    huge = "import sys; sys.stdout.write('x' * (1 << 20) + 'END'); sys.stdout.flush(); input(); sys.exit(1)"
    rude = r"import sys; print('\x1b[31mred\x1b[0m\x07\x1b]0;title\x07'); input(); sys.exit(1)"
    programs = {"flood": flood, "huge": huge, "rude": rude}
    master = start(
        "".join(f"[program:{name}]\ncommand={python(code)}\n{ONCE}" for name, code in programs.items())
        + f"[program:filed]\ncommand={python(flood)}\nstdout_logfile={tmp_path}/filed.log\n"
        f"stdout_logfile_maxbytes=0\n{ONCE}"
        f"[program:unseen]\ncommand={python(flood)}\nstdout_logfile=NONE\n{ONCE}"
    )
    for name in (*programs, "filed", "unseen"):
        master.wait_for(f"{name} entered RUNNING state")
        master.say(name, "go\n")
    for name in (*programs, "filed", "unseen"):
        master.wait_for(f"exited: {name}")
    found = reports(master)
    for name in ("flood", "filed", "unseen"):
        assert lines(found[name]) == [f"line {number}" for number in range(19_950, 20_000)]
    (line,) = lines(found["huge"])
    assert line.startswith("…x")
    assert line.endswith("xEND")
    assert len(line) <= 1000
    assert found["huge"]["output"]["stdout"]["bytes"] == (1 << 20) + 3
    assert lines(found["rude"]) == ["red\\x07\\x1b]0;title\\x07"]


def test_secrets_of_the_environment_are_nowhere(start, tmp_path):
    """Neither in what /v1 and procmanctl show nor in the files, though the program has printed one."""
    reports_dir = tmp_path / "reports"
    code = "import os, sys; print('token', os.environ['API_TOKEN']); input(); sys.exit(1)"
    master = start(
        f"[program:web]\ncommand={python(code)}\nenvironment=API_TOKEN={SECRET}\n{ONCE}",
        master=f"reports_dir={reports_dir}",
        DB_PASSWORD=SECRET,
    )
    master.wait_for("entered RUNNING state")
    master.say("web", "go\n")
    master.wait_for("exited: web")
    report = reports(master)["web"]
    shown = [json.dumps(report), master.ctl("crash", str(report["seq"])).stdout, master.ctl("crashes").stdout]
    master.close()
    shown += [file.read_text() for file in reports_dir.iterdir()]
    assert len(shown) == 4
    assert not any(SECRET in text for text in shown)
    assert lines(report) == ["token ********"]
    assert re.fullmatch("[0-9a-f]{12}", report["environment"]["API_TOKEN"])
    assert report["environment"]["API_TOKEN"] != report["environment"]["DB_PASSWORD"]


@pytest.mark.slow
def test_reports_survive_upgrades_reloads_and_with_a_folder_the_master(start, tmp_path):
    """Their numbers and digests stay the same."""
    programs = f"[program:web]\ncommand={FAILS}\n{ONCE}"
    folder = f"reports_dir={tmp_path}/reports"
    master = start(programs, master=folder)
    master.wait_for("entered RUNNING state")
    master.say("web", "5\n")
    master.wait_for("exited: web")
    before = reports(master)["web"]
    assert master.ctl("upgrade").returncode == 0
    after = reports(master)["web"]
    assert {**after, "file": ""} == {**before, "file": ""}
    asked = master.so_far()
    master.ctl("reload")
    master.wait_for("entered RUNNING state", after=asked)
    assert reports(master)["web"]["seq"] == before["seq"]
    master.close()
    master = start(programs, master=folder)
    master.wait_for("entered RUNNING state")
    assert {**reports(master)["web"], "file": ""} == {**before, "file": ""}


def test_the_folder_may_be_removed_and_come_back(start, tmp_path):
    """It is made again; the reports are in memory meanwhile."""
    folder = tmp_path / "deep" / "reports"
    folder.parent.mkdir()
    master = start(f"[program:web]\ncommand={FAILS}\n{ONCE}", master=f"reports_dir={folder}")
    master.wait_for("entered RUNNING state")

    def fail(code: int) -> int:
        asked = master.so_far()
        master.ctl("start", "web")
        master.say("web", f"{code}\n")
        return master.wait_for("exited: web", after=asked)

    fail(1)
    until(lambda: folder.exists() and any(name.endswith(".json") for name in os.listdir(folder)))
    shutil.rmtree(folder.parent)
    fail(2)
    master.wait_for(f"cannot keep crash reports in {folder} (reports_dir): No such file or directory")
    folder.parent.mkdir()
    fail(3)
    master.wait_for(f"crash reports are kept in {folder} again")
    codes = [info["how"] for info in master.call("GET", "/v1/crashes")["crashes"]]
    assert codes == ["exit status 3", "exit status 2", "exit status 1"]
    assert master.ctl("shutdown").returncode == 0
    master.to_the_end()
    assert {json.loads(file.read_text())["how"] for file in folder.iterdir()} >= {"exit status 2", "exit status 3"}


def test_names_and_numbers_choose_reports(start):
    """Of a process, a group or a glob; what is not there is an error that says what is."""
    master = start(
        f"[group:site]\nprograms=a,b\n[program:a]\ncommand={FAILS}\n{ONCE}[program:b]\ncommand={FAILS}\n{ONCE}"
        f"[program:calm]\ncommand={SLEEPER}\n"
    )
    for name in ("a", "b"):
        master.wait_for(f"{name} entered RUNNING state")
        master.say(f"site:{name}", "7\n")
        master.wait_for(f"exited: {name}")

    def names(spec: str) -> list[str]:
        return [info["name"] for info in master.call("GET", f"/v1/crashes?name={spec}")["crashes"]]

    assert names("site:a") == ["site:a"]
    assert sorted(names("site:*")) == ["site:a", "site:b"]
    assert names("*%3Ab") == ["site:b"]
    assert names("calm") == []
    for path, words in (
        ("/v1/crashes?name=nope", "no such process or group: nope"),
        ("/v1/crashes/999999", "there is no crash report 999999; there are "),
        ("/v1/crashes/soon", "cannot read soon: expected the number of a crash report"),
    ):
        with pytest.raises(ApiError) as error:
            master.call("GET", path)
        assert words in error.value.message
    table = master.ctl("crashes", "site:*").stdout
    assert table.splitlines()[0].split() == ["SEQ", "WHEN", "NAME", "RUN", "AGE", "TIMES", "HOW"]
    assert master.ctl("crashes", "calm").stdout == "no crash reports: nothing has ended unexpectedly\n"


def test_a_loop_of_crashes_is_one_report_and_pushes_out_no_other(start):
    """Its count is that of the restarts, and `crash` takes any number of the loop."""
    calm = f"[program:calm]\ncommand={FAILS}\n{ONCE}"
    loop = "command=/bin/false\nstartsecs=0\nautorestart=true\n"
    master = start(f"{calm}[program:loop]\n{loop}", master="reports=2\nrestart_brake=false")
    master.wait_for("calm entered RUNNING state")
    master.say("calm", "9\n")
    master.wait_for("exited: calm")
    at = master.so_far()
    for _ in range(20):
        at = master.wait_for("exited: loop", after=at)
    found = {info["name"]: info for info in master.call("GET", "/v1/crashes")["crashes"]}
    assert found.keys() == {"calm", "loop"}
    assert found["loop"]["times"] >= 20
    within = master.call("GET", f"/v1/crashes/{found['loop']['last_seq']}")
    assert within["seq"] == found["loop"]["seq"]


def test_no_reports_are_made_where_none_are_wanted(tmp_path):
    """The option is 0."""
    with closing(RunningMaster(tmp_path, f"[program:web]\ncommand={FAILS}\n{ONCE}", master="reports=0")) as master:
        master.wait_for("entered RUNNING state")
        master.say("web", "1\n")
        master.wait_for("exited: web")
        assert master.call("GET", "/v1/crashes") == {"crashes": [], "note": ""}

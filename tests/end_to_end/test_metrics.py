"""The metrics of a real master: asked for over its socket, over upgrades and reloads, and in a file."""

import base64
import contextlib
import http.client
import os

import pytest

from procman.api.metrics.exposition import OPENMETRICS, PROMETHEUS
from procman.client.api_client import Client
from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.memory_cgroups import memory_cgroup
from tests.support.metric_readings import series, value
from tests.support.running_master import SLEEPER, STUBBORN, RunningMaster, python

# Exits with 3 on SIGUSR1.
CRASHER = python(
    "import signal, sys, time\nsignal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))\nprint('armed')\ntime.sleep(1000)"
)
# Each is RUNNING only when it has written what is counted, or has the handler of its signal.
PROGRAMS = f"""
[program:web]
command={python("import os, time; os.write(1, b'x' * 99 + bytes([10])); time.sleep(1000)")}
stdout_logfile=%(here)s/web.log
startsecs=0
ready=log:xxx
[program:crash]
command={CRASHER}
startsecs=0
ready=log:armed
autorestart=true
[program:bad]
command=/nonexistent
startretries=0
[group:pair]
programs=stubborn
[program:stubborn]
command={STUBBORN}
stdout_logfile=%(here)s/stubborn.log
stopwaitsecs=0
startsecs=0
ready=log:armed
"""


@pytest.fixture
def running(tmp_path):
    """Starts masters; the metrics are those of the latest."""
    started = []

    def run(programs=PROGRAMS, **more):
        started.append(RunningMaster(tmp_path, programs, **more))
        return started[-1]

    yield run
    for master in started:
        master.close()


def scrape(master):
    with contextlib.closing(Client(f"unix://{master.socket}")) as client:
        return series(client.exchange("GET", "/metrics").decode())


def of(master, name, /, **labels):
    return value(scrape(master), f"procman_{name}", **labels)


def process(name, group=None):
    return {"group": group or name, "name": name}


def test_what_happens_is_counted_by_its_reason(running):
    """An exit, a request, a kill after stopwaitsecs, a command that is missing, and output."""
    master = running()
    for news in ("bad entered FATAL", "success: web", "success: stubborn"):
        master.wait_for(news, after=0)
    seen = master.wait_for("success: crash", after=0)
    master.ctl("signal", "USR1", "crash")
    seen = master.wait_for("exited: crash", after=seen)
    master.wait_for("success: crash", after=seen)
    assert master.ctl("restart", "pair:stubborn").returncode == 0
    master.has_written("web")
    found = scrape(master)
    crash, stubborn, bad, web = process("crash"), process("stubborn", "pair"), process("bad"), process("web")
    assert value(found, "procman_process_restarts_total", **crash, reason="exit") == 1
    assert value(found, "procman_process_last_exit_code", **crash) == 3
    assert value(found, "procman_process_starts_total", **crash) == 2
    assert value(found, "procman_process_restarts_total", **stubborn, reason="operator") == 1
    assert value(found, "procman_process_kills_total", **stubborn) == 1
    assert value(found, "procman_process_stop_seconds_count", **stubborn) == 1
    assert value(found, "procman_process_failed_starts_total", **bad, reason="not_found") == 1
    assert value(found, "procman_process_state", **bad, state="FATAL") == 1
    assert value(found, "procman_process_up", **bad) == 0
    assert value(found, "procman_process_log_bytes_total", **web, stream="stdout") == 100
    assert value(found, "procman_process_processes", **web) == 1
    assert value(found, "procman_process_open_fds", **web) >= 3
    assert value(found, "procman_process_resident_memory_bytes", **web) > 1 << 20
    assert value(found, "procman_process_start_time_seconds", **bad) is None
    assert value(found, "procman_clients") == 1
    assert value(found, "procman_fds_free") > 100
    assert value(found, "procman_events_total") > 10
    assert not any("pid" in dict(labels) for _, labels in found)


@pytest.mark.slow
def test_counters_go_on_over_an_upgrade(running):
    master = running()
    for name in ("web", "stubborn"):
        master.wait_for(f"success: {name}", after=0)
    seen = master.wait_for("success: crash", after=0)
    master.ctl("signal", "USR1", "crash")
    master.wait_for("success: crash", after=seen)
    master.ctl("restart", "pair:stubborn")
    master.has_written("web")
    before = scrape(master)
    assert master.ctl("upgrade").returncode == 0
    after = scrape(master)
    for name, labels in before:
        if name.endswith(("_total", "_count", "_bucket")) or name == "procman_start_time_seconds":
            assert after[name, labels] >= before[name, labels], (name, labels)
    for name, labels in (
        ("process_starts_total", process("crash")),
        ("process_restarts_total", process("crash") | {"reason": "exit"}),
        ("process_kills_total", process("stubborn", "pair")),
        ("process_log_bytes_total", process("web") | {"stream": "stdout"}),
        ("start_time_seconds", {}),
    ):
        assert value(after, f"procman_{name}", **labels) == value(before, f"procman_{name}", **labels) > 0
    assert value(after, "procman_upgrades_total") == 1
    # And they are counted on.
    seen = len(master.lines)
    master.ctl("signal", "USR1", "crash")
    master.wait_for("success: crash", after=seen)
    assert of(master, "process_restarts_total", **process("crash"), reason="exit") == 2
    assert master.ctl("upgrade").returncode == 0
    assert of(master, "process_restarts_total", **process("crash"), reason="exit") == 2
    assert of(master, "upgrades_total") == 2


def test_a_kill_for_want_of_memory_is_a_reason_of_its_own(running):
    """The program is in a cgroup of its own, which counts."""
    hungry = python("input(); print(len(bytearray(200_000_000)))")
    with memory_cgroup(f"metrics-{os.getpid()}", 48 << 20) as folder:
        moved = f"sh -c 'echo $$ > {folder}/cgroup.procs; exec \"$@\"' sh {hungry}"
        master = running(f"[program:hungry]\ncommand={moved}\n")
        seen = master.wait_for("hungry entered RUNNING")
        master.say("hungry", "eat\n")
        master.wait_for("spawned: 'hungry'", after=seen)
        found = scrape(master)
        assert value(found, "procman_process_restarts_total", **process("hungry"), reason="oom") == 1
        assert value(found, "procman_process_restarts_total", **process("hungry"), reason="signal") == 0
        assert value(found, "procman_process_last_exit_code", **process("hungry")) == 128 + 9
        master.close()


FLOOD = python("import os\nblock = (b'x' * 1023 + bytes([10])) * 64\nwhile True: os.write(1, block)")


def test_a_flood_is_counted_while_it_lasts(running):
    """Scrapes are answered, and what is counted never goes back; nothing of it is lost."""
    master = running(
        f"[program:flood]\ncommand={FLOOD}\nstartsecs=0\n"
        "stdout_logfile=%(here)s/flood.log\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=1\n"
    )
    master.wait_for("success: flood")
    seen = []
    while len(seen) < 10 or seen[-1] < 1 << 20:
        found = scrape(master)
        seen.append(value(found, "procman_process_log_bytes_total", **process("flood"), stream="stdout"))
        assert value(found, "procman_process_log_lost_bytes_total", **process("flood")) == 0
        assert value(found, "procman_loop_lag_seconds") < PATIENCE
    assert seen == sorted(seen)


def test_a_process_that_has_left_is_absent_and_others_count_an_update(running):
    """Its program was taken out of the file; another one was changed."""
    master = running()
    for name in ("web", "stubborn"):
        master.wait_for(f"success: {name}", after=0)
    assert of(master, "process_up", **process("web")) == 1
    text = PROGRAMS.partition("[program:crash]")[2].replace("stopwaitsecs=0", "stopwaitsecs=0\nenvironment=A=b")
    master.write(f"[program:crash]{text}")
    assert master.ctl("update").returncode == 0
    found = scrape(master)
    assert not any(("name", "web") in labels for _, labels in found)
    assert value(found, "procman_process_restarts_total", **process("stubborn", "pair"), reason="update") == 1
    assert value(found, "procman_config_last_reload_successful") == 1
    master.write("[program:web]\ncommand=sleep 1\nstartsecs=soon\n")
    assert master.ctl("update").returncode == 1
    after = scrape(master)
    assert value(after, "procman_config_last_reload_successful") == 0
    when = "procman_config_last_reload_time_seconds"
    assert value(after, when) == value(found, when)


def test_counters_go_on_over_a_reload(running):
    """All programs start again: an operator has asked for it. Output counts on as well."""
    master = running()
    master.wait_for("success: web")
    master.has_written("web")
    before = scrape(master)
    seen = len(master.lines)
    assert master.ctl("reload").returncode == 0
    master.wait_for("success: web", after=seen)
    master.has_written("web")
    after = scrape(master)
    web = process("web")
    assert value(after, "procman_process_starts_total", **web) == 2
    assert value(after, "procman_process_restarts_total", **web, reason="operator") == 1
    assert value(after, "procman_process_log_bytes_total", **web, stream="stdout") == 200
    for name in ("procman_start_time_seconds", "procman_upgrades_total"):
        assert value(after, name) == value(before, name)
    assert value(after, "procman_events_total") > value(before, "procman_events_total")


def test_the_command_prints_what_the_address_has(running):
    """Under --json as one text; another argument is an error."""
    master = running(f"[program:web]\ncommand={SLEEPER}\n")
    master.wait_for("success: web entered RUNNING")  # which has a series of its own
    ran = master.ctl("metrics")
    assert ran.returncode == 0
    assert series(ran.stdout).keys() == scrape(master).keys()
    assert master.ctl("metrics", "web").returncode == 1
    master.close()
    assert master.ctl("metrics").returncode == 1


def ask(port, login="", **headers):
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()


def test_they_need_the_password_of_their_server_and_reading_is_enough(running):
    port = free_port()
    accounts = "username=me\npassword=word\nreadonly_username=reader\nreadonly_password=other\n"
    master = running(f"[program:web]\ncommand={SLEEPER}\n[inet_http_server]\nport=127.0.0.1:{port}\n{accounts}")
    master.wait_for("spawned: 'web'")
    scrape(master)
    assert ask(port)[0] == 401
    assert ask(port, "me:wrong")[0] == 401
    for login in ("me:word", "reader:other"):
        status, kind, text = ask(port, login)
        assert (status, kind) == (200, PROMETHEUS.content_type)
        assert series(text)
    status, kind, text = ask(port, "reader:other", Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert (status, kind) == (200, OPENMETRICS.content_type)
    assert value(series(text, OPENMETRICS), "procman_process_wanted", **process("web")) == 1


def test_the_file_is_there_while_the_master_is(running, tmp_path):
    """Also after an upgrade and a reload; when the master has left, nothing is left of it."""
    folder = tmp_path / "out"
    folder.mkdir()
    file = folder / "procman.prom"
    master = running(f"[program:web]\ncommand={SLEEPER}\n", master=f"metrics_file={file}")
    master.wait_for("spawned: 'web'")
    for disturb in ("pid", "upgrade", "reload"):
        seen = len(master.lines)
        assert master.ctl(disturb).returncode == 0
        if disturb == "reload":
            master.wait_for("spawned: 'web'", after=seen)
        scrape(master)
        wait_for_file(file)
        found = series(file.read_text())
        assert value(found, "procman_process_wanted", **process("web")) == 1
        assert value(found, "procman_metrics_file_missed_writes_total") == 0
    master.close()
    assert os.listdir(folder) == []


def test_a_directory_that_is_missing_is_said_and_the_programs_start(running, tmp_path):
    master = running(f"[program:web]\ncommand={SLEEPER}\n", master=f"metrics_file={tmp_path}/no/procman.prom")
    master.wait_for(f"cannot write metrics_file {tmp_path}/no/procman.prom: its directory is missing: make it again")
    master.wait_for("success: web")
    assert of(master, "metrics_file_missed_writes_total") >= 1  # it is tried again every 15 s


def wait_for_file(path):
    """Until it is there: the master makes it as soon as it answers."""
    with contextlib.closing(Inotify(path.parent)) as changes:
        while not path.exists():
            changes.wait()


class Inotify:
    """Tells when something in a folder has changed."""

    def __init__(self, folder):
        import ctypes

        libc = ctypes.CDLL(None)
        self._fd = libc.inotify_init1(os.O_CLOEXEC)
        moved_to = 0x80
        assert libc.inotify_add_watch(self._fd, os.fsencode(folder), moved_to) > 0

    def wait(self):
        import select

        assert select.select([self._fd], [], [], PATIENCE)[0], "nothing was made"
        os.read(self._fd, 4096)

    def close(self):
        os.close(self._fd)

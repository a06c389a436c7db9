"""The how-to on queues, with its configuration as it stands and a small worker in the place of Laravel's."""

import contextlib
import re
import shlex
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from procman.client.api_client import Client
from tests.support.log_lines import PATIENCE
from tests.support.master_process import PROGRAMS, ROOT, Master

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs/how-to/queue-workers.md").read_text(), re.DOTALL)
WORKERS = ("worker_00", "worker_01", "worker_02")


@pytest.fixture
def folder(tmp_path):
    for name in ("jobs", "taken", "done"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def master(folder):
    """With three workers that are up. They are so at once, as tests do not wait for startsecs."""
    (config,) = (text for kind, text in BLOCKS if kind == "toml")
    for was, becomes in (
        ("php artisan", shlex.join([sys.executable, "-S", str(PROGRAMS / "queue_worker.py")])),
        ("/srv/app", str(folder)),
        ('user = "www-data"\n', ""),
        ('backoff = "1s..60s"\n', 'backoff = "1s..60s"\nbackoff_reset = "1ms"\nstartsecs = 0\nreload = "signal:HUP"\n'),
    ):
        assert was in config
        config = config.replace(was, becomes)
    path = folder / "p.toml"
    # A unix socket's path is short; pytest's folders are not.
    short = tempfile.TemporaryDirectory(prefix="pm")
    path.write_text(
        f'[procman]\nlogfile = "{folder}/log"\npidfile = "{folder}/pid"\nchildlogdir = "{folder}"\n'
        f'[unix_http_server]\nfile = "{short.name}/s"\n{config}'
    )
    with short, Master(path, cwd=folder, XDG_RUNTIME_DIR=str(folder)) as running:
        running.address = f"unix://{short.name}/s"
        running.expect_all([f"success: {name} entered RUNNING" for name in WORKERS])
        for name in WORKERS:
            wait_for_output(running, name, "up")
        yield running
        (folder / "go").touch()


def wait_for_output(master, name, text, count=1):
    """Until the worker has written it so often."""
    path = f"/v1/processes/worker:{name}/log/stdout?follow=1&tail=100000"
    with contextlib.closing(Client(master.address)) as client, client.stream("GET", path) as stream:
        said = b""
        for piece in stream:
            said += piece
            if said.decode().count(f"{text}\n") >= count:
                return


def until(condition):
    """What it says, when that is true; of files, which tell nobody that they are there."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def give(folder, name, text):
    """A job that is there as a whole."""
    (folder / name).write_text(text)
    (folder / name).rename(folder / "jobs" / name)


def pids(master):
    return [int(master.ctl("pid", f"worker:{name}").stdout) for name in WORKERS]


def command(word):
    """The line of the page that has it, without `procmanctl`."""
    lines = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
    (line,) = (line for line in lines if line.startswith(f"$ procmanctl {word}"))
    return shlex.split(line)[2:]


def test_a_stop_lets_a_worker_finish_its_job(folder, master):
    """The others work meanwhile, and nothing is done twice."""
    give(folder, "long", "hold")
    (taken,) = until(lambda: list((folder / "taken").iterdir()))
    busy = taken.suffix.removeprefix(".")
    with ThreadPoolExecutor() as pool:
        stopped = pool.submit(master.ctl, "stop", f"worker:{busy}")
        master.expect(f"waiting for {busy} to stop")
        give(folder, "short", "")
        until((folder / "done" / "short").exists)
        assert not stopped.done()
        (folder / "go").touch()
        assert stopped.result().stdout == f"worker:{busy}: stopped\n"
    master.expect(rf"stopped: {busy} \(exit status 0\)")
    assert (folder / "done" / "long").exists()
    assert list((folder / "taken").iterdir()) == []


def test_a_worker_whose_time_is_over_is_replaced(folder, master):
    """By autorestart, and its end is none to be worried about; the log and the journal have it."""
    before = pids(master)
    give(folder, "an-hour", "hour")
    name = master.expect(r"exited: (worker_\d\d) \(exit status 0; expected\)")[1]
    master.expect(f"success: {name} entered RUNNING")
    after = pids(master)
    assert [was != now for was, now in zip(before, after, strict=True)] == [other == name for other in WORKERS]
    assert "RUNNING" in master.ctl("status", f"worker:{name}").stdout
    assert "exit status 0" in master.ctl("history", f"worker:{name}").stdout


def test_a_deploy_by_signal_replaces_each_worker_when_its_job_is_done(folder, master):
    """One that is busy does not keep the others from it."""
    before = dict(zip(WORKERS, pids(master), strict=True))
    give(folder, "long", "hold")
    (taken,) = until(lambda: list((folder / "taken").iterdir()))
    busy = taken.suffix.removeprefix(".")
    idle = [name for name in WORKERS if name != busy]
    assert master.ctl(*command("signal")).stdout.count("signalled") == len(WORKERS)
    master.expect_all([f"success: {name} entered RUNNING" for name in idle])
    after = dict(zip(WORKERS, pids(master), strict=True))
    assert [name for name in WORKERS if after[name] == before[name]] == [busy]
    (folder / "go").touch()
    master.expect(f"success: {busy} entered RUNNING")
    assert (folder / "done" / "long").exists()


def test_a_deploy_by_restart_and_by_refresh(master):
    """One makes new processes of them all, the other keeps them."""
    before = pids(master)
    answer = master.ctl(*command("restart"))
    assert (answer.returncode, answer.stdout.count("stopped"), answer.stdout.count("started")) == (0, 3, 3)
    after = pids(master)
    assert not set(before) & set(after)
    for name in WORKERS:
        wait_for_output(master, name, "up", count=2)
    answer = master.ctl(*command("refresh"))
    assert (answer.returncode, answer.stdout.count("refreshed")) == (0, 3)
    for name in WORKERS:
        wait_for_output(master, name, "read again")
    assert pids(master) == after

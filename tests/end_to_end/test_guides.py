"""Every command of the tutorials and how-tos is typed, in a folder with the files of the page."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.pages import GUIDES, ROOT, files, named_tests, reasons, typed

# Pages whose commands have a test of their own, which knows what they have to print.
ELSEWHERE = {
    "access": "end_to_end/test_access.py",
    "coming-from": "end_to_end/test_coming_from.py",
    "containers": "container/test_containers_page.py",
    "deploy-without-downtime": "end_to_end/test_deploy_page.py",
    "harden-a-program": "end_to_end/test_hardening_page.py",
    "nightly-backup": "end_to_end/test_schedules.py",
    "plan-and-apply": "end_to_end/test_plan_and_apply.py",
    "queue-workers": "end_to_end/test_queue_workers.py",
    "test-your-configuration": "cli/test_simulate_command.py",
    "watch-files": "end_to_end/test_watch_files.py",
    "web-app-database-worker": "end_to_end/test_real_stack.py",
}
# Places of the pages, and those of the stage; a time of the past, and one that the master has lived through.
PLACES = {"/etc/supervisor/": "", "/etc/procman/": "", "/run/": "", "/var/log/": "", "~/": "./"}
# Commands that these stand for are not here; each runs until it is asked to end, but for one run of a schedule.
STAND_INS = ("celery", "php", "php-fpm", "worker")
# Exit statuses that tell of a program that is down; any other command ends with 0.
ENDS = {"procmanctl status": (0, 3), "procmanctl health": (0, 1), "procmanctl why": (0, 1)}
LATEST_CRASH = "crash $(procmanctl crashes | awk 'END { print $1 }')"
FLEET = """\
[procman]
logfile = "%(here)s/procman.log"
pidfile = "%(here)s/procman.pid"
record = "%(here)s/procman.record"
[program.db]
command = "sleep 1000"
startsecs = 0
[program.web]
command = "sh -c 'while echo GET / 200; do sleep 1; done'"
health = "exec:true"
startsecs = 0
[program.worker]
command = "sleep 1000"
numprocs = 2
process_name = "worker_%(process_num)02d"
startsecs = 0
[fcgi-program.app]
command = "sleep 1000"
socket = "unix://%(here)s/app.sock"
numprocs = 2
process_name = "app_%(process_num)d"
startsecs = 0
[program.early]
command = "sh -c 'echo the data directory has a wrong owner >&2; exit 1'"
startsecs = 60
startretries = 0
[program.migrate]
type = "oneshot"
command = "echo"
[notify.ops]
exec = "true"
[notify.mail]
exec = "true"
"""
TO_RUN = [page for page in GUIDES if page.stem not in ELSEWHERE and typed(page)]


def test_every_page_is_run_or_says_why_not():
    """A page with commands is run below or by a test that reads it; what is not run has a reason."""
    stems = {page.stem for page in GUIDES}
    assert ELSEWHERE.keys() <= stems
    for stem, test in ELSEWHERE.items():
        assert f"{stem}.md" in (ROOT / "tests" / test).read_text()
    for page in GUIDES:
        assert all(re.match(r"(needs|changes|waits) ", reason) for reason in reasons(page)), page
        for tester in named_tests(page):
            assert re.search(rf"run_by\(.*{page.stem}\.md", (ROOT / tester).read_text()), (
                f"{tester} does not read {page}"
            )


class Stage:
    """A folder with the files of a page, and the commands that it needs in the PATH."""

    def __init__(self, folder: Path, page: Path) -> None:
        self.folder = folder
        given = files(page)
        self.own = "procman.toml" in given
        for name, text in given.items():
            (folder / name).write_text(text)
        if not self.own:
            (folder / "procman.toml").write_text(FLEET)
        (folder / "supervisord.conf").write_text("[supervisord]\n[program:web]\ncommand=sleep 1000\n")
        (folder / "bin").mkdir()
        for name in STAND_INS:
            (folder / "bin" / name).write_text('#!/bin/sh\ncase "$*" in *schedule:run) exit ;; esac\nexec sleep 1000\n')
            (folder / "bin" / name).chmod(0o755)
        path = f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
        self.env = {"PATH": path, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "LANG": "C.UTF-8"}

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Type a line; what goes on until Ctrl-C is left after its first line."""
        for place, here in PLACES.items():
            line = line.replace(place, here)
        line = (
            line.replace("--until 14:02", "--until 0s")
            .replace("14:02", time.strftime("%H:%M:%S"))
            .replace("crash 640", LATEST_CRASH)
        )
        if re.match(r"procmanctl (logs|tail) .*-f", line):
            line = line.partition("#")[0] + " | head -n 1"
        if line == "procman":  # in a terminal of its own
            line = "procman --daemon"
        with tempfile.TemporaryFile("w+") as output:  # a daemon keeps a pipe open
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
                check=False,
            )
            output.seek(0)
            return subprocess.CompletedProcess(line, done.returncode, output.read())


@pytest.fixture
def stage(request):
    """The stage of a page, on which nothing is left."""
    # The path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="procman-guide-"))
    folder.chmod(0o755)  # nginx's workers are other users
    stage = Stage(folder, request.param)
    if not stage.own and not typed(request.param)[0].line.startswith("procman --daemon"):
        stage.types("procman --daemon")
    yield stage
    for config in ("procman.toml", "supervisord.conf"):
        stage.types(f"procmanctl -c {config} shutdown")
    for path in folder.glob("worker.pid"):  # of `procman run -d`
        stage.types(f"procman stop --pidfile {path}")
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "page"), [(page, page) for page in TO_RUN], indirect=["stage"], ids=lambda page: page.stem
)
def test_the_commands_of_a_page_work(stage, page):
    """Each ends well, without a traceback."""
    for command in typed(page):
        done = stage.types(command.line)
        right = ENDS.get(" ".join(command.line.split()[:2]), (0,))
        assert done.returncode in right, f"{command.line}\n{done.stdout}"
        assert "Traceback" not in done.stdout

"""Make examples of what a master hands over: `python -m tests.daemon.golden.make [COMMIT]`, or of today's code.

Of today's code there are three: one with what supervisor has, which all versions have, one with what is ours, and one
of a deployment that is under way.

A master of that code runs programs in many states, is asked to upgrade, and finds other code that writes down what it
is handed and fails. What belongs to this machine is replaced.
"""

import base64
import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from procman.client.api_client import ApiError
from tests.support.code_of_commit import unpack
from tests.support.running_master import OBEDIENT, SLEEPER, STUBBORN, RunningMaster, python

FOLDER = Path(__file__).parent

DUMP = """
import os, shutil, sys
number = os.environ["PROCMAN_RESUME"].split()[0]
shutil.copyfile(f"/proc/self/fd/{number}", os.environ["DUMP"])
sys.exit("written down")
"""
HALF_A_LINE = python("import sys, time\nsys.stdout.write('half a line'); sys.stdout.flush()\ntime.sleep(1000)")
LISTENER = python(
    "import sys, time\nsys.stdout.write('READY\\n'); sys.stdout.flush()\nsys.stdin.readline()\ntime.sleep(1000)"
)
PROGRAMS = f"""
[inet_http_server]
port=127.0.0.1:19311
username=user
password=secret
[program:web]
command={SLEEPER}
numprocs=2
process_name=%(program_name)s-%(process_num)d
environment=NAME="value",_="underscore"
exitcodes=0,2
autorestart=true
startsecs=0
stopsignal=INT
stop_scope=tree
stdout_logfile=%(here)s/web-%(process_num)d.log
[program:console]
command={HALF_A_LINE}
startsecs=0
stdout_logfile=/dev/stdout
log_format=prefix
[program:stdin]
command={OBEDIENT}
startsecs=0
umask=027
directory=/
[program:gone]
command=/bin/false
startsecs=0
autorestart=false
[program:backoff]
command=/bin/false
startretries=100
[program:fatal]
command=/nonexistent/program
startretries=0
[program:stubborn]
command={STUBBORN}
startsecs=0
stopwaitsecs=1000
stdout_logfile=NONE
[fcgi-program:app]
command={SLEEPER}
startsecs=0
socket=unix://%(here)s/app.sock
socket_mode=0770
[eventlistener:listener]
command={LISTENER}
startsecs=0
events=REMOTE_COMMUNICATION
buffer_size=5
[group:pair]
programs=gone,fatal
priority=5
"""


# What supervisor does not have; the values of files must not be in what is handed over.
FILES = {"web.env": "COLOUR=in-no-snapshot-1\n", "token": "in-no-snapshot-2\n", "db": "in-no-snapshot-3\n"}
FEATURES = f"""
[program:web]
command={OBEDIENT}
startsecs=0
pre_start=sh -c 'exit 0' "an argument"
  -false
post_start=sh -c 'exit 5'
pre_stop=sleep 1
stop_command=true
before_kill=+true
before_kill_timeout=7s
post_stop=true
on_failure=true
hook_timeout=3s
reload=signal:USR1
env_file=%(here)s/web.env, ?%(here)s/none.env
env_from=TOKEN=%(here)s/token
credentials=db:%(here)s/db
environment_inherit=PATH, LC_*
environment_unset=LC_ALL
rlimit_core=0
nice=1
oom_score_adj=500
memory_restart=1GB
max_age=24h
max_age_jitter=0
stdout_logfile=%(here)s/web.log
stdout_logfile_rotate=daily
stdout_logfile_max_age=7d
stdout_logfile_max_total=1GB
stdout_logfile_compress=gzip
[program:failed]
command=/bin/sh -c 'exit 3'
startsecs=0
autorestart=false
post_stop=sh -c 'echo last words; exit 4'
[program:unread]
command={SLEEPER}
env_file=%(here)s/missing.env
startretries=100
[program:done]
type=oneshot
command=true
[program:nightly]
command=true
schedule=0 2 * * *
schedule_tz=Europe/Berlin
schedule_jitter=1m
schedule_missed=once
run_on_start=true
[program:hourly]
command={OBEDIENT}
schedule=every 1h
schedule_overlap=queue
run_on_start=true
[program:off]
command=true
schedule=every 1h
autostart=false
[program:db]
command={OBEDIENT}
startsecs=0
health=exec:true
health_interval=1000s
[program:waits]
command={SLEEPER}
depends_on=later
[program:later]
command={SLEEPER}
ready=file:%(here)s/never
start_timeout=none
ready_interval=1000s
"""


# Web has another version in the second, which does not become ready; so has api in the first, which is not there.
DEPLOYMENT = f"""
[socket:http]
listen=unix://%(here)s/http.sock
[program:web]
command={SLEEPER}
numprocs=3
process_name=web_%(process_num)d
sockets=http
startsecs=0
restart_strategy=rolling
[program:api]
command={SLEEPER}
numprocs=2
process_name=api_%(process_num)d
startsecs=0
startretries=0
restart_strategy=rolling
rolling_batch=50%%
[program:worker]
command={SLEEPER}
process_name=worker_%(process_num)d
numprocs_max=3
startsecs=0
[program:lazy]
command={SLEEPER}
sockets=idle
lazy=true
[socket:idle]
listen=unix://%(here)s/idle.sock
"""
BAD_API = DEPLOYMENT.replace(f"[program:api]\ncommand={SLEEPER}", "[program:api]\ncommand=/nonexistent/api")
UNREADY_WEB = BAD_API.replace("sockets=http", "sockets=http\numask=027\nready=file:%(here)s/never\nstart_timeout=none")


def make(commit: str | None) -> Path:
    """Returns the file."""
    return _made(PROGRAMS, commit, {}, bring_about, "version")


def make_features() -> Path:
    """The same with what is ours."""
    return _made(FEATURES, None, FILES, bring_about_features, "features")


def make_deployment() -> Path:
    """The same of a deployment: rolling restarts, a scaled program, an update that waits for its confirmation."""
    return _made(DEPLOYMENT, None, {}, bring_about_deployment, "deployment")


def _made(
    programs: str, commit: str | None, files: dict[str, str], begin: Callable[[RunningMaster], None], kind: str
) -> Path:
    with tempfile.TemporaryDirectory(prefix="golden-") as name:
        folder = Path(name)
        unpack(commit, folder / "code")
        dump = folder / "dump.json"
        environ = {"PYTHONPATH": str(folder / "code"), "PYTHONDONTWRITEBYTECODE": "1", "DUMP": str(dump)}
        for file_name, text in files.items():
            (folder / file_name).write_text(text)
        master = RunningMaster(folder, programs, master="identifier=golden", **environ)
        try:
            begin(master)
            (folder / "code/procman/__main__.py").write_text(DUMP)
            try:
                master.call("POST", "/v1/master/upgrade")
            except ApiError as refusal:
                assert "written down" in str(refusal), refusal  # noqa: PT017 - this is no test
            places = {
                sys.executable: "/usr/bin/python3",
                os.path.dirname(master.socket): "/run/golden",
                str(master.runtime_dir): "/run/user/golden",
                str(folder): "/srv/golden",
            }
            data = neutral(json.loads(dump.read_text()), places)
        finally:
            master.close()
    file = FOLDER / f"{kind}-{data['version']}.json"
    file.write_text(json.dumps(data, indent=1) + "\n")
    return file


def bring_about(master: RunningMaster) -> None:
    """Programs in many states, and things that are under way."""
    for text in ("success: web-1", "gave up: fatal", "exited: gone", "exited: backoff", "success: listener"):
        master.wait_for(text)
    for kind in ("heard", "waiting", "waiting too"):
        master.call("POST", "/v1/events/remote", {"type": kind, "data": "x"})
    master.call("POST", "/v1/processes/stdin/stdin", {"data": "x" * 70000})
    master.call("POST", "/v1/processes/stubborn/stop", {"wait": False})
    master.write(PROGRAMS.replace("buffer_size=5", "buffer_size=6"))
    master.call("POST", "/v1/config/reread")


def bring_about_features(master: RunningMaster) -> None:
    """Programs that have used what is ours."""
    for text in (
        "post_start of 'web': sh exited 5",
        "post_stop of 'failed': sh exited 4",
        "done: done",
        "done: nightly",
        "success: db",
        "spawned: 'hourly'",
        "spawned: 'later'",
    ):
        master.wait_for(text)
    master.call("GET", "/v1/processes/db/health")


def bring_about_deployment(master: RunningMaster) -> None:
    """One rolling restart goes on, and one has stopped."""
    for name in ("web_2", "api_1", "worker_0"):
        master.wait_for(f"success: {name}")
    master.call("POST", "/v1/scale", {"scale": "worker=2"})
    master.write(BAD_API)
    master.call("POST", "/v1/config/update", {"groups": ["api"]})
    master.write(UNREADY_WEB)
    master.call("POST", "/v1/config/update", {"groups": ["web"], "confirm": 3600})
    master.wait_for("spawned: 'web_0'", after=master.wait_for("web: rolling restart of 3"))


def neutral(value: Any, places: dict[str, str]) -> Any:
    """The same with other paths, in base64, too."""
    match value:
        case dict():
            return {neutral(key, places): neutral(item, places) for key, item in value.items()}
        case list():
            return [neutral(item, places) for item in value]
        case str():
            if len(value) >= 8 and len(value) % 4 == 0 and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", value):
                text = base64.b64decode(value)
                for ours, theirs in places.items():
                    text = text.replace(ours.encode(), theirs.encode())
                return base64.b64encode(text).decode()
            for ours, theirs in places.items():
                value = value.replace(ours, theirs)
            return value.replace(socket.gethostname(), "host")
        case _:
            return value


if __name__ == "__main__":
    print(make(*sys.argv[1:2] or [None]))
    if not sys.argv[1:]:
        print(make_features())
        print(make_deployment())

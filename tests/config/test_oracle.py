"""Difficult files give the same result as in supervisor itself, through the oracle; skipped if that is absent."""

import json
import os
import random
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from unittest import mock

import pytest

from procman.config.assumptions import Assumptions
from procman.config.report import report

SHARED = Path(os.environ.get("PROCMAN_SHARED", Path(__file__).parents[2].parent / "shared"))
ORACLE = SHARED / "tools" / "config_oracle.py"
COMPARED = ("warnings", "infos", "supervisord", "serverurl", "http_servers", "rpcinterfaces", "groups", "ignored")

pytestmark = pytest.mark.skipif(
    not ORACLE.exists() or find_spec("supervisor") is None, reason="needs supervisor and the oracle beside the project"
)

# Each begins with a line "=== name".
FOLDER = Path(__file__).parent
NAMED = [part.split("\n", 1) for part in (FOLDER / "difficult_files.txt").read_text(encoding="utf-8").split("=== ")[1:]]
DIFFICULT = dict(NAMED) | {
    "empty": "",
    "byte order mark": "\ufeff[supervisord]\n",
    "carriage returns": "[supervisord]\r\n[program:a]\r\ncommand=x \\\r\n  y\r\n",
    "lone carriage returns": "[supervisord]\r[program:a]\rcommand=x\r",
}


@cache
def oracle():
    """The module of the oracle; it imports supervisor once for all tests."""
    import supervisor.events
    import supervisor.options  # noqa: F401

    spec = spec_from_file_location("config_oracle", ORACLE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.subprocess = SimpleNamespace(run=forked)
    return module


def forked(command, *, input, env, cwd, **_):  # noqa: A002 - as `subprocess.run` has it
    """Replaces `subprocess.run`, so that the oracle's child is a fork of this interpreter."""
    with TemporaryFile("w+", encoding="utf-8") as asked, TemporaryFile("w+", encoding="utf-8") as said:
        asked.write(input)
        asked.seek(0)
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.chdir(cwd)
                os.environ = env  # noqa: B003 - nothing is executed, and putenv(3) does not take all that execve(2) does
                sys.stdin, sys.stdout = asked, said
                oracle().child()
                said.flush()
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        return subprocess.CompletedProcess(command, status, said.read(), "")


def ask_supervisor(*paths):
    said = StringIO()
    with mock.patch.object(sys, "argv", [str(ORACLE), *map(str, paths)]), redirect_stdout(said):
        oracle().main()
    return [json.loads(line) for line in said.getvalue().splitlines()]


def complaints(answer):
    return {problem["class"] for problem in answer["problems"] if problem["severity"] == "error"}


def differences(path, theirs):
    """The differences between procman's answer and supervisor's, under the same assumptions."""
    found = _differences(report(str(path), Assumptions.from_json(theirs["assumed"])), theirs)
    if "as_include" in theirs:
        inner = report(str(path), Assumptions.from_json(theirs["as_include"]["assumed"]))["as_include"]
        found += _differences(inner, theirs["as_include"])
    return found


def _differences(ours, theirs):
    if theirs["error"] is not None:
        same = theirs["error"]["class"].removeprefix("crash-") in complaints(ours)
        return [] if same else [("error", ours["error"], theirs["error"])]
    if ours["error"] is not None:
        return [("error", ours["error"], None)]
    return [(key, ours[key], theirs[key]) for key in COMPARED if ours[key] != theirs[key]]


@pytest.mark.parametrize("name", DIFFICULT)
def test_a_difficult_file_means_what_it_means_to_supervisor(name, tmp_path, monkeypatch):
    """Both accept it with the same settings, or reject it for the same reason."""
    monkeypatch.chdir("/")
    path = tmp_path / "supervisord.conf"
    path.write_bytes(DIFFICULT[name].encode())
    [theirs] = ask_supervisor(path)
    found = differences(path, theirs)
    if name == "comment signs in step" and sys.version_info >= (3, 13):
        # Supervisor's reader is Python's, and takes the sign that is further left from there on; procman reads a file
        # alike everywhere.
        assert [(key, ours[0]["processes"][0]["command"]) for key, ours, _ in found] == [("groups", "x;y;z ;w")]
    else:
        assert found == []


OPTIONS = [
    "command=/bin/x",
    "command=%(program_name)s %(process_num)d",
    "numprocs=2",
    "numprocs=%(ENV_N)s",
    "priority=3",
    "priority=x",
    "process_name=%(program_name)s_%(process_num)02d",
    "stdout_logfile=%(here)s/%(process_num)d.log",
    "redirect_stderr=yes",
    "  going on",
    "; comment",
    "# comment",
    "foo=1",
    "autostart=off ; c",
    "exitcodes=1,2",
    'environment=A=1,B="2"',
    "events=TICK_5",
    "socket=tcp://h:1",
    "programs=a",
    "programs=a,b",
    "port=9001",
    "",
]
OTHERS = [
    "file=/tmp/s",
    "user=root",
    "=",
    "junk",
    "[program:a]",
    "[program:b]",
    "[program:a]",
    "[group:g]",
    "[eventlistener:e]",
    "[fcgi-program:a]",
    "[inet_http_server]",
    "[supervisord]",
    "[unix_http_server]",
    "[include]",
    "files=x*.conf",
    "directory=/tmp",
    "stopsignal=KILL",
    "%(x)s=1",
    "",
]


def test_lines_thrown_together_mean_what_they_mean_to_supervisor(tmp_path, monkeypatch):
    """Both accept them with the same settings, or supervisor's reason is one of procman's."""
    monkeypatch.chdir("/")
    dice = random.Random(4)
    paths = []
    for number in range(30):
        path = tmp_path / str(number) / "supervisord.conf"
        path.parent.mkdir()
        lines = dice.choices(OPTIONS if number % 2 else OPTIONS + OTHERS, k=8)
        path.write_text("\n".join(["[supervisord]", "[program:a]", "command=c", *lines]))
        paths.append(path)
    wrong = {
        path.read_text(): found
        for path, theirs in zip(paths, ask_supervisor(*paths), strict=True)
        if (found := differences(path, theirs))
    }
    assert wrong == {}

"""Files made to be difficult, given to procman and to supervisor itself through the oracle; skipped where that is absent."""

import json
import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from procman.config.check import report
from procman.config.machine import Assumptions

SHARED = Path(os.environ.get("PROCMAN_SHARED", Path(__file__).parents[2].parent / "shared"))
ORACLE = SHARED / "tools" / "config_oracle.py"
COMPARED = ("warnings", "infos", "supervisord", "serverurl", "http_servers", "rpcinterfaces", "groups", "ignored")

pytestmark = pytest.mark.skipif(
    not ORACLE.exists() or find_spec("supervisor") is None, reason="needs supervisor and the oracle beside the project"
)

PROGRAM = "[supervisord]\n[program:a]\ncommand=/bin/a\n"

NASTY = {
    "empty": "",
    "only a comment": "; nothing\n",
    "no header": "command=x\n[supervisord]\n",
    "byte order mark": "\ufeff[supervisord]\n",
    "carriage returns": "[supervisord]\r\n[program:a]\r\ncommand=x \\\r\n  y\r\n",
    "lone carriage returns": "[supervisord]\r[program:a]\rcommand=x\r",
    "a line that is nothing": "[supervisord]\nfoo\n[program:a]\ncommand=x\n",
    "no name": "[supervisord]\n= x\n",
    "bracket missing": "[supervisord]\n[program:a]\ncommand=x\n[program:b\ncommand=y\n",
    "text after the bracket": "[supervisord] foo\n[program:a] ; c\ncommand=x\n",
    "two brackets": "[supervisord]\n[program:a] b]\ncommand=x\n",
    "comments": "[supervisord]\n[program:a]\ncommand=/bin/sh -c 'a ; b' # c\nuser=root;x\ndirectory=/tmp ;x #y\n",
    "comment signs in step": "[supervisord]\n[program:a]\ncommand=x;y;z ;w #v\n",
    "continuation": "[supervisord]\n[program:a]\ncommand=x\n  y ; c\n\n  z\n; c\n  w\nuser=root\n",
    "continuation of a header": "[supervisord]\n[program:a]\n  command=x\n  directory=/tmp\n user=root\n",
    "repeated": PROGRAM + "[supervisord]\nloglevel=debug\n[program:a]\ncommand=y\ncommand=z\n",
    "upper case": "[supervisord]\nLOGLEVEL=WARN\n[program:a]\nCommand: x = y\nAutoStart: No\nAUTORESTART=TRUE\n",
    "default section": "[DEFAULT]\nuser=root\nfoo=1\n[supervisord]\n[program:a]\ncommand=x\n[rpcinterface:x]\nfoo=2\n"
    "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
    "unicode": "[supervisord]\n[program:wéb]\ncommand=/bin/écho ☃\nenvironment=A=\"ü\"\n",
    "no program": "[supervisord]\n",
    "fragment": "[program:a]\ncommand=x\n",
    "broken fragment": "[program:a]\nautostart=maybe\n",
    "sizes": PROGRAM + "stdout_logfile_maxbytes=1kb\nstderr_logfile_maxbytes= 2 GB\nstdout_capture_maxbytes=3Mb\n",
    "negative size": PROGRAM + "stdout_logfile_maxbytes=-1\n",
    "bad size": PROGRAM + "stdout_logfile_maxbytes=1TB\n",
    "bad size unit": PROGRAM + "stdout_logfile_maxbytes=10M\n",
    "seconds with a unit": PROGRAM + "startsecs=10s\n",
    "fraction": PROGRAM + "startsecs=0.5\n",
    "underscore": PROGRAM + "startsecs=1_0\npriority=+5\n",
    "signals": PROGRAM + "stopsignal=sigquit\n[program:b]\ncommand=b\nstopsignal=10\n[program:c]\ncommand=c\nstopsignal=Int\n",
    "bad signal": PROGRAM + "stopsignal=TREM\n",
    "bad signal number": PROGRAM + "stopsignal=99\n",
    "exit codes": PROGRAM + "exitcodes=0, 2,255\n[program:b]\ncommand=b\nexitcodes=\n",
    "bad exit codes": PROGRAM + "exitcodes=256\n",
    "exit codes with a comma": PROGRAM + "exitcodes=0,\n",
    "bad autorestart": PROGRAM + "autorestart=sometimes\n",
    "bad boolean": PROGRAM + "autostart=ja\n",
    "empty boolean": PROGRAM + "autostart=\n",
    "umask": PROGRAM + "umask=0o22\n[program:b]\ncommand=b\numask=777\n",
    "bad umask": PROGRAM + "umask=rwx\n",
    "process group": PROGRAM + "stopasgroup=true\n[program:b]\ncommand=b\nkillasgroup=true\n",
    "stopasgroup without killasgroup": PROGRAM + "stopasgroup=true\nkillasgroup=false\n",
    "logs": PROGRAM + "stdout_logfile=NONE\nstderr_logfile=off\n[program:b]\ncommand=b\nstdout_logfile=Auto\nstderr_logfile=~/x.log\n",
    "syslog": PROGRAM + "stdout_logfile=syslog\nstderr_logfile=SYSLOG\n[program:b]\ncommand=b\nstdout_syslog=true\n",
    "redirected": PROGRAM + "redirect_stderr=true\nstderr_logfile=/tmp/x\n",
    "auto without rotation": PROGRAM + "stdout_logfile_maxbytes=0\nnumprocs=2\nprocess_name=%(process_num)d\n",
    "missing directory is assumed": PROGRAM + "stdout_logfile=/no/such/place/x.log\n",
    "no command": "[supervisord]\n[program:a]\nautostart=true\n",
    "empty command": "[supervisord]\n[program:a]\ncommand=\n",
    "bad name": "[supervisord]\n[program:a b]\ncommand=x\n",
    "colon in a name": "[supervisord]\n[program:a:b]\ncommand=x\n",
    "blank before a name": "[supervisord]\n[program: a]\ncommand=%(program_name)s\n",
    "bad process name": PROGRAM + "process_name=a/b\n",
    "numprocs": PROGRAM + "numprocs=12\nnumprocs_start=-1\nprocess_name=%(program_name)s-%(process_num)s\n"
    "directory=/tmp/%(process_num)02d\nstdout_logfile=/tmp/%(program_name)s%(process_num)d.log\n",
    "numprocs without a number": PROGRAM + "numprocs=2\n",
    "no processes": PROGRAM + "numprocs=0\nstopsignal=HUP\n",
    "numprocs in an early option": PROGRAM + "numprocs=1\nstopwaitsecs=%(process_num)d\n",
    "more of the expansions": PROGRAM + "directory=/tmp/%(here)s/%(host_node_name)s/%(group_name)s/%(numprocs)d\n",
    "unknown expansion": PROGRAM + "directory=%(nope)s\n",
    "unknown variable": PROGRAM + "directory=%%(ENV_NOPE)s %(ENV_)s\n",
    "percent": PROGRAM + "directory=a%%b\n",
    "lone percent": PROGRAM + "directory=a%\n",
    "strftime": PROGRAM + "directory=%Y-%m\n",
    "twice expanded": PROGRAM + "stdout_logfile=/tmp/%%(process_num)d\n",
    "percent in a log": PROGRAM + "stdout_logfile=/tmp/a%%b\n",
    "name in group's priority": PROGRAM + "priority=%(program_name)s\n",
    "environment": PROGRAM + "environment=A=1,B=\"two, three\",C='x=y',D=/a/b-c:d.e+f(g)\n",
    "environment on lines": PROGRAM + 'environment=\n  A="1",\n  B=2,\n',
    "environment with strange letters": PROGRAM + "environment=A=b@c\n",
    "environment without commas": PROGRAM + "environment=A=1 B=2\n",
    "environment with a hash": PROGRAM + "environment=A=1,#B=2\n",
    "open quote": PROGRAM + "environment=A=\"x\n",
    "environment is used": "[supervisord]\nenvironment=A=one,P=%(here)s\n[program:a]\nenvironment=B=\"%(ENV_A)s-two\"\n"
    "command=%(ENV_A)s %(ENV_B)s\ndirectory=%(ENV_P)s\n[program:b]\ncommand=b %(ENV_A)s\n",
    "environment of another program": "[supervisord]\n[program:a]\ncommand=a\nenvironment=Z=1\n[program:b]\ncommand=%(ENV_PATH)s\n",
    "environment per process": PROGRAM + "numprocs=2\nprocess_name=%(process_num)d\nenvironment=N%(process_num)d=x\n",
    "host name in the master's environment": "[supervisord]\nenvironment=A=%(host_node_name)s\n",
    "host name in the master's environment, escaped": "[supervisord]\nenvironment=A=\"%%(host_node_name)s\"\n",
    "percent in the master's environment": "[supervisord]\nenvironment=A=\"1%%\"\n",
    "group": "[supervisord]\n[group:g]\nprograms=b, a\npriority=5\n[program:a]\ncommand=%(group_name)s\n[program:b]\ncommand=b\n"
    "numprocs=11\nprocess_name=%(program_name)s_%(process_num)d\n[program:c]\ncommand=c\npriority=1\n",
    "in two groups": PROGRAM + "[group:g]\nprograms=a\n[group:h]\nprograms=a\n",
    "empty group": PROGRAM + "[group:g]\nprograms=\n[group:h]\n",
    "unknown program": PROGRAM + "[group:g]\nprograms=a,b\n",
    "comma at the end": PROGRAM + "[group:g]\nprograms=a,\n",
    "ambiguous program": PROGRAM + "[fcgi-program:a]\ncommand=x\nsocket=tcp://localhost:9\n[group:g]\nprograms=a\n",
    "same name twice in a group": PROGRAM + "[group:g]\nprograms=a,a\n",
    "group with the name of a program": PROGRAM + "[group:a]\nprograms=b\n[program:b]\ncommand=b\n",
    "listener": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=tick_5, PROCESS_STATE,TICK_5\nnumprocs=2\n"
    "process_name=%(process_num)d\nbuffer_size=3\n",
    "listener's priority": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=EVENT\npriority=7\n",
    "listener without events": "[supervisord]\n[eventlistener:l]\ncommand=l\n",
    "listener with an unknown event": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK_7\n",
    "listener with a comma": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK_5,\n",
    "listener's buffer": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK_5\nbuffer_size=0\n",
    "listener that redirects": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK_5\nredirect_stderr=true\n",
    "listener's handler": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK_5\nresult_handler=my.thing:handle\n",
    "listener's bad handler": "[supervisord]\n[eventlistener:l]\ncommand=l\nevents=TICK_5\nresult_handler=my thing\n",
    "fcgi": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=tcp://LOCALHOST:9002\nsocket_backlog=5\n"
    "[fcgi-program:u]\ncommand=u\nsocket=unix:///tmp//%(program_name)s.sock\nsocket_mode=0770\nsocket_owner=nobody\n",
    "fcgi with a user": "[supervisord]\n[fcgi-program:u]\ncommand=u\nsocket=unix:///tmp/u.sock\nuser=nobody\n",
    "fcgi in a group": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=tcp://h:1\n[group:g]\nprograms=f\n",
    "fcgi without a socket": "[supervisord]\n[fcgi-program:f]\ncommand=f\n",
    "fcgi with an empty socket": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=\n",
    "fcgi with a relative socket": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=unix://tmp/x\n",
    "fcgi with a bad socket": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=http://x:1\n",
    "fcgi with a bad backlog": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=tcp://h:1\nsocket_backlog=0\n",
    "fcgi with an owner of tcp": "[supervisord]\n[fcgi-program:f]\ncommand=f\nsocket=tcp://h:1\nsocket_owner=root\n",
    "servers": "[supervisord]\n[unix_http_server]\nfile= /tmp/../tmp/s\nchmod=0777\nchown=nobody:root\nusername=u\npassword=p%%\n"
    "[inet_http_server]\nport=*:9001\n[inet_http_server:two]\nport=LOCALHOST:9002\n[unix_http_servers]\nfile=%(here)s/t\n",
    "inet only": "[supervisord]\n[inet_http_server]\nport=:9001\n",
    "server without an address": "[supervisord]\n[inet_http_server]\nusername=a\npassword=b\n",
    "unix server without a file": "[supervisord]\n[unix_http_server]\nchmod=0700\n",
    "bad port": "[supervisord]\n[inet_http_server]\nport=http\n",
    "high port": "[supervisord]\n[inet_http_server]\nport=127.0.0.1:65536\n",
    "no port": "[supervisord]\n[inet_http_server]\nport=127.0.0.1:\n",
    "half a login": "[supervisord]\n[inet_http_server]\nport=1\nusername=a\n",
    "bad chmod": "[supervisord]\n[unix_http_server]\nfile=/tmp/s\nchmod=rwx\n",
    "master": "[supervisord]\nnodaemon=true\nsilent=1\numask=027\ndirectory=/tmp\nlogfile=%(here)s/x.log\nlogfile_maxbytes=1MB\n"
    "logfile_backups=0\nloglevel=blather\npidfile=/tmp/x/../p.pid\nidentifier=me\nchildlogdir=/tmp\nminfds=1\nminprocs=2\n"
    "nocleanup=on\nstrip_ansi=yes\nprofile_options=cumulative\nuser=root\n",
    "master's log to syslog": "[supervisord]\nlogfile=syslog\n",
    "bad log level": "[supervisord]\nloglevel=warning\n",
    "bad number in the master": "[supervisord]\nminfds=many\n",
    "misspelt": "[supervisord]\nnodaemaon=true\nautostart=true\n[program:a]\ncommand=x\ndirecory=/tmp\nfile=/x\n[programs:b]\n"
    "command=y\n[supervisorctl]\nserverurl=unix:///x\nfoo=1\n[ctlplugin:x]\na=b\n[foo]\n",
    "bad client section": "[supervisord]\n[supervisorctl]\nserverurl=%(nope)s\nprompt=%\n",
    "rpcinterface": "[supervisord]\nenvironment=X=1\n[rpcinterface:supervisor]\n"
    "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\nretries=%(ENV_X)s\n",
    "foreign rpcinterface": "[supervisord]\n[rpcinterface:x]\nsupervisor.rpcinterface_factory = x.y:make\n",
    "rpcinterface without a factory": "[supervisord]\n[rpcinterface:x]\nfoo=1\n",
    "bad rpcinterface": "[supervisord]\n[rpcinterface:x]\nsupervisor.rpcinterface_factory = :::\n",
    "include without files": "[supervisord]\n[include]\nfoo=1\n",
    "include of nothing": "[supervisord]\n[include]\nfiles=/no/such/*.conf %(here)s/none.d/*.ini\n  other.conf\n",
    "include with a bad expansion": "[supervisord]\n[include]\nfiles=%(nope)s\n",
    "here in a file with an include": "[supervisord]\n[include]\nfiles=x\n[unix_http_server]\nfile=/tmp/s\nchmod=%(here)s\n",
    "here where it is not offered": "[supervisord]\n[inet_http_server]\nport=%(here)s\n",
    "serverurl": PROGRAM + "serverurl=auto\n[program:b]\ncommand=b\nserverurl=http://x\n",
    "user by number": PROGRAM + "user=0\n[program:b]\ncommand=b\nuser=nosuchuser\n",
}  # fmt: skip


def ask_supervisor(paths):
    done = subprocess.run(
        [sys.executable, str(ORACLE), *map(str, paths)],
        capture_output=True,
        text=True,
        env={**os.environ, "SUPERVISOR_PYTHON": sys.executable},
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def complaints(answer):
    return {problem["class"] for problem in answer["problems"] if problem["severity"] == "error"}


def differences(path, theirs):
    """What procman says otherwise, under what supervisor was told to assume."""
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


@pytest.mark.parametrize("name", NASTY)
def test_a_difficult_file_means_what_it_means_to_supervisor(name, tmp_path, monkeypatch):
    """Accepted alike and the same in all settings, or rejected for the same reason."""
    monkeypatch.chdir("/")
    path = tmp_path / "supervisord.conf"
    path.write_bytes(NASTY[name].encode())
    [theirs] = ask_supervisor([path])
    assert differences(path, theirs) == []


LINES = [
    "command=/bin/x", "command=%(program_name)s %(process_num)d", "numprocs=2", "numprocs=%(ENV_N)s", "priority=3", "priority=x",
    "process_name=%(program_name)s_%(process_num)02d", "stdout_logfile=%(here)s/%(process_num)d.log", "redirect_stderr=yes",
    "  going on", "; comment", "", "# comment", "foo=1", "autostart=off ; c", "exitcodes=1,2", "environment=A=1,B=\"2\"",
    "events=TICK_5", "socket=tcp://h:1", "programs=a", "programs=a,b", "port=9001", "file=/tmp/s", "user=root", "=", "junk",
    "[program:a]", "[program:b]", "[program:a]", "[group:g]", "[eventlistener:e]", "[fcgi-program:a]", "[inet_http_server]",
    "[supervisord]", "[unix_http_server]", "[include]", "files=x*.conf", "directory=/tmp", "stopsignal=KILL", "%(x)s=1",
]  # fmt: skip


def test_lines_thrown_together_mean_what_they_mean_to_supervisor(tmp_path, monkeypatch):
    """Accepted alike and the same in all settings, or rejected for one of the reasons procman gives."""
    monkeypatch.chdir("/")
    dice = random.Random(4)
    paths = []
    for number in range(30):
        path = tmp_path / str(number) / "supervisord.conf"
        path.parent.mkdir()
        lines = dice.choices(LINES[:22] if number % 2 else LINES, k=8)
        path.write_text("\n".join(["[supervisord]", "[program:a]", "command=c", *lines]))
        paths.append(path)
    wrong = {
        path.read_text(): found
        for path, theirs in zip(paths, ask_supervisor(paths), strict=True)
        if (found := differences(path, theirs))
    }
    assert wrong == {}

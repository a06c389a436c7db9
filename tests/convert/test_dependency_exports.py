"""Readiness, dependencies and restarts in the exports: an engine gets what it has, the notes the rest."""

import os
import shlex
import socket
import subprocess
import sys

import pytest

from procman.convert import compose, kubernetes, systemd
from tests.support.export_checks import (
    as_systemd_reads_it,
    configured,
    deployment,
    only,
    services,
    target,
    verified,
)

STACK = """\
[program.db]
command = "/usr/bin/db"
ready = "tcp:5432"
stopwaitsecs = 20
autostart = false
[program.migrate]
type = "oneshot"
command = "/usr/bin/migrate"
depends_on = ["db"]
[program.cache]
command = "/usr/bin/cache"
[program.mail]
command = "/usr/bin/mail"
autostart = false
[program.web]
command = "/usr/bin/web"
depends_on = ["db", "migrate", "cache@started", "mail?"]
ready = "http://127.0.0.1:8000/ready?full=$1"
start_timeout = "30s"
"""


def written(module, folder, text):
    return module.export(configured(folder, text, name="procman.toml"), target(split=True))


def pod(folder, text):
    document = deployment(only(written(kubernetes, folder, text).files))
    return document["spec"]["template"]["spec"]


def unit(folder, text, name="shop-web.service"):
    """The lines of a unit that systemd has nothing to say against."""
    files = written(systemd, folder, text).files
    assert verified(files, folder) == []
    return files[name].splitlines()


# ------------------------------------------------------------------------------------------------ the stack


def test_compose_has_conditions_and_health_checks(tmp_path):
    """A service waits until a target is healthy, done or started; what is needed starts also without autostart."""
    found = services(only(written(compose, tmp_path, STACK).files))
    assert found["web"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
        "cache": {"condition": "service_started"},
        "mail": {"condition": "service_started", "required": False},
    }
    assert "profiles" not in found["db"]
    assert found["mail"]["profiles"] == ["manual"]
    assert found["web"]["healthcheck"] == {
        "test": ["CMD-SHELL", "curl -fsS -o /dev/null -m 3 'http://127.0.0.1:8000/ready?full=$$1'"],
        "start_period": "30s",
        "start_interval": "500ms",
        "interval": "10s",
        "timeout": "3s",
        "retries": 3,
    }


def test_kubernetes_starts_what_others_depend_on_in_init_containers(tmp_path):
    """They are in the order of the edges; services stay up beside the others, one-shots end."""
    found = pod(tmp_path, STACK)
    first = {container["name"]: container.get("restartPolicy") for container in found["initContainers"]}
    assert list(first.items()) == [("cache", "Always"), ("db", "Always"), ("migrate", None)]
    assert [container["name"] for container in found["containers"]] == ["web"]
    (web,) = found["containers"]
    look = {"httpGet": {"path": "/ready?full=$1", "port": 8000}, "timeoutSeconds": 3}
    assert web["startupProbe"] == {**look, "periodSeconds": 1, "failureThreshold": 30}
    assert web["readinessProbe"] == {**look, "periodSeconds": 10}
    # The others stop first, then these one after the other: 10, 20 and 10 s, and 5 to spare.
    assert found["terminationGracePeriodSeconds"] == 45


def test_systemd_has_the_edges_and_waits_for_readiness(tmp_path):
    """A unit needs and follows its targets; an optional one it only follows."""
    files = written(systemd, tmp_path, STACK).files
    found = as_systemd_reads_it(files, "shop-web.service")
    needed = [line.split(" ")[0] for line in found["Requires"]]
    assert {"shop-db.service", "shop-migrate.service", "shop-cache.service"} <= set(needed)
    assert "shop-mail.service" not in needed
    after = {line.split(" ")[0] for line in found["After"]}
    assert {"shop-db.service", "shop-migrate.service", "shop-cache.service", "shop-mail.service"} <= after
    lines = unit(tmp_path, STACK)
    assert "TimeoutStartSec=30" in lines
    looks = "until curl -fsS -o /dev/null -m 3 'http://127.0.0.1:8000/ready?full=$$1'"
    line = next(line for line in lines if line.startswith("ExecStartPost="))
    assert line == f'ExecStartPost=/bin/sh -c "{looks}; do kill -0 $$MAINPID || exit 1; sleep 0.5; done"'
    wanted = [line for line in files["shop.target"].splitlines() if line.startswith("Wants=")]
    assert "Wants=shop-db.service" in wanted
    assert "Wants=shop-mail.service" not in wanted


def test_edges_win_over_priorities(tmp_path):
    """A target with a higher priority is lowered, so no engine gets a circle."""
    text = """\
[program.db]
command = "/bin/db"
priority = 900
[program.other]
command = "/bin/other"
priority = 500
[program.web]
command = "/bin/web"
priority = 1
depends_on = ["db"]
"""
    found = services(only(written(compose, tmp_path, text).files))
    assert found["web"]["depends_on"] == {"db": {"condition": "service_started"}}
    assert "depends_on" not in found["db"]
    assert found["other"]["depends_on"] == ["db", "web"]
    assert verified(written(systemd, tmp_path, text).files, tmp_path) == []


def test_replicas_are_one_target(tmp_path):
    """Processes that became one service with replicas are waited for by its name."""
    text = """\
[program.worker]
command = "/bin/worker"
numprocs = 3
process_name = "%(program_name)s_%(process_num)d"
[program.web]
command = "/bin/web"
depends_on = ["worker"]
"""
    found = services(only(written(compose, tmp_path, text).files))
    assert found["web"]["depends_on"] == {"worker": {"condition": "service_started"}}


# ------------------------------------------------------------------------------------------------ readiness

ONE = '[program.web]\ncommand = "/bin/web"\n'


@pytest.mark.parametrize(
    ("ready", "command"),
    [
        ("listen:8080", "nc -z 127.0.0.1 8080"),
        ("listen:10.0.0.1:80", "nc -z 10.0.0.1 80"),
        ("listen:/run/a b.sock", "test -S '/run/a b.sock'"),
        ("tcp:db:5432", "nc -z db 5432"),
        ("unix:/run/a.sock", "test -S /run/a.sock"),
        ("file:/run/up", "test -e /run/up"),
        ("exec:pg_isready -q 'a b'", "pg_isready -q 'a b'"),
        (
            "http+unix:///run/a.sock:/ready",
            "curl -fsS -o /dev/null -m 3 --unix-socket /run/a.sock http://localhost/ready",
        ),
    ],
)
def test_a_condition_becomes_a_command(tmp_path, ready, command):
    """It is the health check of a service, and what a unit and a container run until it succeeds."""
    text = f'{ONE}ready = "{ready}"\n'
    found = services(only(written(compose, tmp_path, text).files))
    assert found["web"]["healthcheck"]["test"] == ["CMD-SHELL", command]
    assert any(line.startswith("ExecStartPost=") for line in unit(tmp_path, text))


@pytest.mark.parametrize(
    ("lines", "probe"),
    [
        ('ready = "listen:8080"', {"tcpSocket": {"port": 8080}}),
        ('ready = "tcp:10.0.0.1:80"', {"tcpSocket": {"port": 80, "host": "10.0.0.1"}}),
        ('ready = "http://localhost/up"', {"httpGet": {"path": "/up", "port": 80}}),
        ('ready = "exec:check -q"', {"exec": {"command": ["sh", "-c", "check -q"]}}),
        (
            'ready = ["tcp:80", "file:/run/up"]',
            {"exec": {"command": ["sh", "-c", "nc -z 127.0.0.1 80 && test -e /run/up"]}},
        ),
        ('ready = ["tcp:80", "delay:1500ms"]', {"tcpSocket": {"port": 80}, "initialDelaySeconds": 2}),
        ('ready = "delay:30s"', {"exec": {"command": ["sh", "-c", "true"]}, "initialDelaySeconds": 30}),
        ('ready = "tcp:80"\nstart_timeout = "none"', {"tcpSocket": {"port": 80}, "failureThreshold": 2**31 - 1}),
        ('ready = "tcp:80"\nready_interval = "20s"', {"tcpSocket": {"port": 80}, "failureThreshold": 3}),
    ],
)
def test_a_condition_becomes_a_startup_probe(tmp_path, lines, probe):
    """A port needs nothing in the image; several conditions are one command."""
    (container,) = pod(tmp_path, f"{ONE}{lines}\n")["containers"]
    found = container["startupProbe"]
    assert {key: found.get(key) for key in probe} == probe


@pytest.mark.parametrize("status", [200, 204, 301, 302, 404, 500])
def test_other_statuses_are_compared_by_the_shell(tmp_path, status):
    """The command succeeds for those in probe_http_status, and fails for others."""
    text = f'{ONE}ready = "http://127.0.0.1/"\nprobe_http_status = "204,300-301"\n'
    (_, command) = services(only(written(compose, tmp_path, text).files))["web"]["healthcheck"]["test"]
    curl = tmp_path / "curl"
    curl.write_text(f"#!{sys.executable}\nprint({status})\n")
    curl.chmod(0o755)
    shell = command.replace("$$", "$")
    done = subprocess.run(["sh", "-c", shell], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False)
    assert (done.returncode == 0) == (status in (204, 300, 301))


def test_a_program_that_says_so_itself_is_of_type_notify(tmp_path):
    """Its children may speak, too, as under procman; a delay is a command after it."""
    lines = unit(tmp_path, f'{ONE}ready = ["notify", "delay:2s"]\nstart_timeout = "none"\n')
    assert {"Type=notify", "NotifyAccess=all", "TimeoutStartSec=infinity", "ExecStartPost=sleep 2"} <= set(lines)


def after_the_start(lines, pid):
    """The exit status of the command that a unit runs after its start, as its shell runs it."""
    line = next(line for line in lines if line.startswith("ExecStartPost=/bin/sh -c "))
    (script,) = shlex.split(line.partition("-c ")[2])
    script = script.replace("$$", "$").replace("%%", "%")
    return subprocess.run(["/bin/sh", "-c", script], env={**os.environ, "MAINPID": str(pid)}, check=False).returncode


def test_the_command_of_a_unit_ends_when_it_is_ready_or_the_program_has_ended(tmp_path):
    """So the start succeeds, or fails at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lines = unit(tmp_path, f'{ONE}ready = "tcp:{port}"\nready_interval = "10ms"\n')
        assert after_the_start(lines, os.getpid()) == 0
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert after_the_start(lines, ended.pid) == 1


# ------------------------------------------------------------------------------------------------ restarts


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('restart_limit = "5/10m"', {"StartLimitBurst=6", "StartLimitIntervalSec=600"}),
        ('backoff = "5s"', {"RestartSec=5"}),
        ('backoff = "500ms..60s"', {"RestartSec=0.500", "RestartSteps=7", "RestartMaxDelaySec=60"}),
        ('backoff = "1s..1000s"\nbackoff_factor = 10', {"RestartSteps=3"}),
        # Four starts of a second each, and delays of 10, 20, 40 and 80 s.
        ('backoff = "10s..80s"', {"StartLimitBurst=4", "StartLimitIntervalSec=154"}),
        ("norestart_exitcodes = [78, 'SIGUSR1']", {"RestartPreventExitStatus=78 SIGUSR1"}),
        ("exitcodes = [0, 2, 'SIGTERM']", {"SuccessExitStatus=2 SIGTERM"}),
        ("exitcodes = [0, 'SIGHUP', 'SIGINT', 'SIGPIPE', 'SIGTERM']", {"Restart=on-failure"}),
        ('depends_on = ["db"]\non_dependency_stop = "stop"', {"BindsTo=shop-db.service", "After=shop-db.service"}),
    ],
)
def test_an_option_of_restarts_becomes_a_setting(tmp_path, options, expected):
    """Limits, delays and signals are what systemd has for them."""
    text = f'[program.db]\ncommand = "/bin/db"\n{ONE}autorestart = "unexpected"\n{options}\n'
    lines = unit(tmp_path, text)
    assert expected <= set(lines)
    assert not any("-" in line.partition("=")[2] for line in lines if line.startswith("SuccessExitStatus"))


# ------------------------------------------------------------------------------------------------ what is lost


@pytest.mark.parametrize(
    ("module", "options", "note"),
    [
        (compose, 'ready = "log:up"', "ready = log:up: docker does not wait for that"),
        (compose, 'ready = "notify"', "ready = notify: docker does not wait for that"),
        (compose, 'ready = "delay:3s"', "ready = delay:…, which docker has not"),
        (compose, 'depends_on = ["db"]\ndepends_timeout = "1m"', "depends_timeout, which compose has not"),
        (compose, 'depends_on = ["db@exited"]', "@exited: compose waits for a success, and not for any end"),
        (compose, 'depends_on = ["db"]\non_dependency_restart = "signal:HUP"', "on_dependency_restart, which"),
        (compose, 'restart_limit = "5/1m"', "restart_limit, which docker has not"),
        (compose, "critical = true", "critical, which docker has not"),
        (compose, 'depends_on = ["mail"]', "depends_on mail@ready: mail is left out"),
        (kubernetes, 'ready = "fd"', "ready = fd: Kubernetes does not wait for that"),
        (kubernetes, 'ready = "unix:/run/a"', "looks only whether something is there"),
        (kubernetes, 'ready = "tcp:80"', "not on 127.0.0.1"),
        (kubernetes, 'depends_on = ["db"]', "needs Kubernetes 1.29"),
        (kubernetes, 'depends_on = ["db?"]', "with a ? is waited for as if it had none"),
        (
            kubernetes,
            'depends_on = ["db"]\non_dependency_stop = "stop"',
            "on_dependency_stop, which Kubernetes has not",
        ),
        (kubernetes, 'backoff = "1s..5s"', "backoff, which Kubernetes has not"),
        (systemd, 'ready = "log:up"', "ready = log:up: systemd does not wait for that"),
        (systemd, 'depends_on = ["db"]', "not by itself when that comes back later"),
        (systemd, 'restart_limit = "5/1m"', "startretries, as systemd has one limit only"),
        (systemd, 'restart_limit = "5/1m"\non_restart_limit = "wait:5m"', "on_restart_limit=wait:300s, which systemd"),
        (systemd, 'debug_restart = { DEBUG = "1" }', "debug_restart, which systemd has not"),
    ],
)
def test_what_an_engine_has_not_is_in_the_notes(tmp_path, module, options, note):
    """Nothing is lost without a word."""
    others = '[program.db]\ncommand = "/bin/db"\n[eventlistener.mail]\ncommand = "/bin/mail"\nevents = ["TICK_5"]\n'
    notes = written(module, tmp_path, f"{others}{ONE}{options}\n").notes
    assert any(note in said for said in notes), notes


@pytest.mark.parametrize("module", [compose, kubernetes, systemd])
def test_programs_without_the_new_options_have_no_new_notes(tmp_path, module):
    """Notes are about options that are used."""
    notes = " ".join(written(module, tmp_path, ONE).notes)
    for word in ("depends_on", "ready", "backoff", "critical", "restart_limit"):
        assert word not in notes

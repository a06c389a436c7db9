"""Health checks in the exports: a healthcheck, a liveness probe, a watchdog, and notes on the rest."""

from procman.convert import compose, kubernetes, systemd
from tests.support.export_checks import configured, deployment, only, services, target

WEB = """\
[program.web]
command = "/usr/bin/web"
ready = "tcp:8000"
health = "http://127.0.0.1:8000/health"
health_interval = "20s"
health_timeout = "2s"
health_retries = 4
health_start_period = "30s"
on_unhealthy = "stop"
[program.dog]
command = "/usr/bin/dog"
watchdog = "15s"
"""


def written(module, folder):
    return module.export(configured(folder, WEB, name="procman.toml"), target(split=True))


def test_compose_has_one_check_and_does_nothing(tmp_path):
    """That of health, with the times of readiness for its start."""
    found = written(compose, tmp_path)
    check = services(only(found.files))["web"]["healthcheck"]
    assert check["test"][1].startswith("curl -fsS -o /dev/null -m 2 ")
    assert (check["interval"], check["timeout"], check["retries"]) == ("20s", "2s", 4)
    notes = " ".join(found.notes)
    assert "docker has one check for ready and health" in notes
    assert "on_unhealthy = stop: docker does nothing about what is unhealthy" in notes
    assert "watchdog: docker does not hear WATCHDOG=1" in notes


def test_kubernetes_has_a_liveness_probe(tmp_path):
    """Beside those of readiness; what is unhealthy is restarted there."""
    found = written(kubernetes, tmp_path)
    pod = deployment(only(found.files))["spec"]["template"]["spec"]
    [web] = [container for container in pod["containers"] if container["name"] == "web"]
    assert web["livenessProbe"] == {
        "httpGet": {"path": "/health", "port": 8000},
        "initialDelaySeconds": 30,
        "periodSeconds": 20,
        "timeoutSeconds": 2,
        "failureThreshold": 4,
    }
    assert "startupProbe" in web
    assert "on_unhealthy = stop: Kubernetes restarts what is unhealthy" in " ".join(found.notes)


def test_systemd_has_the_watchdog_and_no_checks(tmp_path):
    """Its socket takes messages of the whole unit."""
    found = written(systemd, tmp_path)
    [dog] = [text for name, text in found.files.items() if name.endswith("-dog.service")]
    assert "WatchdogSec=15\n" in dog
    assert "NotifyAccess=all\n" in dog
    assert "health: systemd has no health checks" in " ".join(found.notes)

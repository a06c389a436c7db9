"""Hooks and reload in other engines: what each has a place for is there, and all else is named in a note."""

import pytest

from procman.convert import compose, kubernetes, systemd
from procman.core.spec import Hook
from tests.support.export_checks import configured, deployment, only, services, target, verified

HOOKS = """
[program:web]
command=/bin/sleep 1000
directory=/srv
user=daemon
environment=MODE="production"
pre_start=
  /bin/touch "a b"
  -/bin/false
  +/bin/chown daemon /srv
post_start=/bin/true warm
pre_stop=/bin/true $HOME
stop_command=/bin/true --quit
before_kill=/bin/true --dump
post_stop=/bin/rm -f /run/web.lock
on_failure=/bin/true --page
hook_timeout=4s
stopwaitsecs=7
"""
JOB = "[program:night]\ncommand=/bin/job\nschedule=0 2 * * *\npre_start=/bin/mkdir -p /data\npost_stop=/bin/sync\n"


@pytest.fixture
def exported(tmp_path):
    """The export of a configuration to an engine, with a unit or container for each program."""

    def export(engine, text, **assumed):
        return engine.export(configured(tmp_path, text, users={"daemon": 1}, **assumed), target(split=True))

    return export


def lines_of(unit, key):
    return [value for name, _, value in (line.partition("=") for line in unit.splitlines()) if name == key]


def test_systemd_runs_them_in_their_order_and_ignores_what_procman_ignores(exported, tmp_path):
    """- and + mean the same there; a failed post_start, pre_stop or post_stop is none here, so it has a -."""
    found = exported(systemd, HOOKS + "reload=signal:USR1\n")
    unit = found.files["shop-web.service"]
    assert lines_of(unit, "ExecStartPre") == ['/bin/touch "a b"', "-/bin/false", "+/bin/chown daemon /srv"]
    assert lines_of(unit, "ExecStartPost") == ["-/bin/true warm"]
    assert lines_of(unit, "ExecStop") == ['-/bin/true "$$HOME"', "/bin/true --quit"]
    assert lines_of(unit, "ExecStopPost") == ["-/bin/rm -f /run/web.lock"]
    assert lines_of(unit, "ExecReload") == ["/bin/kill -s USR1 $MAINPID"]
    assert verified(found.files, tmp_path) == []
    lost = " ".join(found.notes)
    assert all(word in lost for word in ("before_kill", "on_failure", "PROCMAN_"))


def test_a_reload_by_commands_is_there_in_a_unit(exported):
    unit = exported(systemd, HOOKS + "reload=/bin/true --again\n").files["shop-web.service"]
    assert lines_of(unit, "ExecReload") == ["/bin/true --again"]


def test_compose_has_post_start_and_pre_stop_and_names_what_it_has_not(exported):
    """A $ is doubled, as compose would expand it."""
    found = exported(compose, HOOKS + "reload=signal:HUP\n")
    web = services(only(found.files))["web"]
    assert web["post_start"] == [{"command": ["/bin/true", "warm"]}]
    assert web["pre_stop"] == [{"command": ["/bin/true", "$$HOME"]}]
    lost = [note for note in found.notes if note.startswith("[program:web]")]
    for option in ("pre_start", "stop_command", "before_kill", "post_stop", "on_failure", "reload"):
        assert any(option in note for note in lost), option


def test_kubernetes_prepares_a_pod_with_init_containers(exported):
    """With the image, directory, variables and user of the program; the lifecycle has one command for each hook."""
    found = exported(kubernetes, HOOKS)
    pod = deployment(only(found.files))["spec"]["template"]["spec"]
    touch, false, chown = pod["initContainers"]
    (web,) = pod["containers"]
    assert [one["name"] for one in (touch, false, chown)] == [f"web-pre-start-{number}" for number in (1, 2, 3)]
    assert touch["command"] == ["/bin/touch", "a b"]
    assert false["command"] == ["sh", "-c", "/bin/false || true"]
    assert {key: touch[key] for key in ("image", "workingDir", "env", "securityContext")} == {
        key: web[key] for key in ("image", "workingDir", "env", "securityContext")
    }
    assert chown["securityContext"] == {"runAsUser": 0}
    assert "lifecycle" not in touch
    assert web["lifecycle"] == {
        "postStart": {"exec": {"command": ["sh", "-c", "/bin/true warm || true"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "/bin/true '$HOME' || true"]}},
    }
    # preStop is part of the time that a pod has.
    assert pod["terminationGracePeriodSeconds"] >= 7 + 4
    lost = [note for note in found.notes if note.startswith("[program:web]")]
    assert any("pre_start: init containers run it once for each pod" in note for note in lost)
    for option in ("stop_command", "before_kill", "post_stop", "on_failure"):
        assert any(option in note for note in lost), option


def test_what_others_depend_on_is_prepared_before_it_starts(exported):
    """Its pre_start comes right before it among the init containers, and that of the others after all of them."""
    text = (
        "[program:db]\ncommand=/bin/db\npre_start=/bin/initdb\n"
        "[program:web]\ncommand=/bin/web\ndepends_on=db\npre_start=/bin/migrate\n"
    )
    pod = deployment(only(exported(kubernetes, text).files))["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["initContainers"]] == ["db-pre-start-1", "db", "web-pre-start-1"]


def test_a_cron_job_is_prepared_before_each_run(exported):
    """What it has no place for is named, as for what is always up."""
    found = exported(kubernetes, HOOKS + JOB)
    assert "/bin/mkdir" in found.files["shop-night.yaml"]
    assert "night-pre-start-1" in found.files["shop-night.yaml"]
    assert any("[program:night]" in note and "post_stop" in note for note in found.notes)


@pytest.mark.parametrize("engine", [compose, kubernetes, systemd])
def test_every_hook_is_carried_or_named(exported, engine):
    """None is lost in silence, whatever hooks there will be."""
    for hook in Hook:
        found = exported(engine, f"[program:web]\ncommand=/bin/web\n{hook.value}=/bin/a-command-of-its-own\n")
        carried = any("a-command-of-its-own" in text for text in found.files.values())
        assert carried or any(hook.value in note for note in found.notes), hook

"""`health` and what belongs to it: what it means in both forms, and what is refused, with the way out."""

import pytest

from procman.config.load import read
from procman.core.spec import OnUnhealthy, ReadyKind


def loaded(folder, *lines: str, head: str = "[program:web]\ncommand=sleep 1"):
    file = folder / "supervisord.conf"
    file.write_text("\n".join(["[supervisord]", head, *lines, ""]))
    return read(str(file), environ={})


def said(found, severity: str) -> str:
    return " ".join(f"{p.option}: {p.message}" for p in found.problems if p.severity == severity)


def test_the_options_are_read(tmp_path):
    """In INI, with units."""
    found = loaded(
        tmp_path,
        "health = http://127.0.0.1:8000/health",
        "health_interval = 500ms",
        "health_retries = 5",
        "on_unhealthy = signal:USR1",
        "watchdog = 1m",
    )
    web = found.config.groups[0].programs[0]
    assert (web.health.kind, web.health.text) == (ReadyKind.HTTP, "http://127.0.0.1:8000/health")
    assert (web.health_interval, web.health_retries, web.watchdog) == (0.5, 5, 60)
    assert web.on_unhealthy == OnUnhealthy("signal", signal=10)


def test_toml_is_the_same(tmp_path):
    """A command may hold colons and commas."""
    file = tmp_path / "procman.toml"
    file.write_text(
        '[program.web]\ncommand = "sleep 1"\nhealth = "exec:check -a 1,2"\non_unhealthy = "exec:dump to:here"\n'
        "health_timeout = 2\n"
    )
    web = read(str(file), environ={}).config.groups[0].programs[0]
    assert (web.health.kind, web.health_timeout) == (ReadyKind.EXEC, 2)
    assert web.on_unhealthy == OnUnhealthy("exec", command="dump to:here")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("health = notify", "notify holds once and says nothing of later: say watchdog, with watchdog = 30s"),
        ("health = log:up", "log holds once and says nothing of later: that is for ready"),
        ("health = htp://x", "there is no health check 'htp://x'; did you mean http?"),
        ("health = https://x", "https is not looked at: use exec:"),
        ("health = watchdog", "say how often it has to say WATCHDOG=1, for example watchdog = 30s"),
        ("health = exec:'x", "cannot be split into words"),
        ("health_retries = 0", "expected a whole number of 1 or more"),
        ("on_unhealthy = restar", "did you mean restart?"),
        ("on_unhealthy = signal", "signal needs a signal, such as signal:USR1"),
        ("on_unhealthy = exec:", "exec needs a command"),
        ("on_unhealthy = signal:RELOAD", "RELOAD"),
        ("health_level = dead", "expected one of ready, live, none"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(tmp_path, line, message):
    """The option is named, and what to write instead."""
    text = said(loaded(tmp_path, line), "error")
    assert text.startswith(f"{line.partition(' ')[0]}: ")
    assert message in text


def test_a_reload_goes_by_the_option_reload(tmp_path):
    """Which says how it is done; nobody asks for it where nothing is looked at."""
    found = loaded(tmp_path, "health = tcp:1", "on_unhealthy = reload", "reload = signal:HUP")
    assert found.problems == ()
    assert found.config.groups[0].programs[0].on_unhealthy == OnUnhealthy("reload")
    shared = "[DEFAULT]\non_unhealthy = reload\n[program:web]\ncommand=sleep 1"
    assert said(loaded(tmp_path, head=shared), "error") == ""


def test_what_has_no_effect_is_told(tmp_path):
    """A warning, as the file can be used."""
    assert "on_unhealthy: it has no effect without health" in said(loaded(tmp_path, "on_unhealthy = stop"), "warning")
    text = said(loaded(tmp_path, "watchdog = 5s", "health_interval = 5s"), "warning")
    assert "health_interval: it has no effect on a watchdog" in text


def test_one_shots_and_listeners_have_none(tmp_path):
    """What stands in [DEFAULT] does not concern them."""
    assert "a one-shot has no health check" in said(loaded(tmp_path, "type = oneshot", "health = tcp:1"), "error")
    head = "[eventlistener:web]\ncommand=x\nevents=TICK_5"
    assert "an event listener has no health check" in said(loaded(tmp_path, "health = tcp:1", head=head), "error")


def test_check_says_what_live_does(tmp_path):
    """A kubelet would restart the whole container; and a look may take longer than the interval."""
    file = tmp_path / "supervisord.conf"
    file.write_text(
        "[supervisord]\n[program:web]\ncommand=sleep 1\nhealth=tcp:1\nhealth_level=live\nhealth_timeout=20s\n"
    )
    text = said(read(str(file), environ={}, places=True), "warning")
    assert "health_level: while it is unhealthy /livez fails, so a kubelet" in text
    assert "health_timeout: a look may take 20 s" in text

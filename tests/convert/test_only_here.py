"""Options that no other engine has are named by every export."""

import pytest

from procman.convert import compose, kubernetes, systemd
from tests.support.export_checks import configured, target

OPTIONS = {
    "early_exit": "judge",
    "hook_timeout": "9s",
    "stdout_events_enabled": "true",
    "stderr_events_enabled": "true",
    "stdout_syslog": "true",
    "stderr_syslog": "true",
}


@pytest.mark.parametrize("engine", [compose, kubernetes, systemd], ids=["compose", "kubernetes", "systemd"])
def test_each_is_named_where_it_is_set(engine, tmp_path):
    """The note has the section; without the option there is none."""
    options = "".join(f"{name}={value}\n" for name, value in OPTIONS.items())
    text = f"[program:web]\ncommand=/bin/web\n{options}[program:db]\ncommand=/bin/db\n"
    notes = engine.export(configured(tmp_path, text), target(split=True)).notes
    for name in OPTIONS:
        (note,) = [note for note in notes if f": {name}, which" in note]
        assert note.startswith("[program:web]: ")


def test_what_units_alone_have_not(tmp_path):
    """The other engines have a note of their own for these."""
    text = "[program:web]\ncommand=/bin/web\nbackoff=1s..1m\nbackoff_jitter=50\nbackoff_reset=1h\n"
    notes = " ".join(systemd.export(configured(tmp_path, text), target(split=True)).notes)
    assert "backoff_jitter, which systemd has not" in notes
    assert "backoff_reset, which systemd has not" in notes


@pytest.mark.parametrize("engine", [compose, kubernetes, systemd], ids=["compose", "kubernetes", "systemd"])
def test_roles_are_named(engine, tmp_path):
    """Where procman itself is in the container, or the unit, nothing is lost."""
    text = (
        "[program:web]\ncommand=/bin/web\n[access:ops]\nusers=root\nallow=read\n[access:ci]\nusers=root\nallow=read\n"
    )
    config = configured(tmp_path, text)
    (note,) = [note for note in engine.export(config, target(split=True)).notes if "who may do what" in note]
    assert note.startswith("[access:ops], [access:ci]: ")
    assert "who may do what" not in " ".join(engine.export(config, target()).notes)

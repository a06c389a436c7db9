"""Watched files in other engines: compose has a place for them, and the others say that they have none."""

import pytest

from procman.convert import compose, kubernetes, systemd
from tests.support.export_checks import configured, only, services, target

WEB = """
[program:web]
command=/bin/web
directory=/srv/app
watch=src/**/*.py, conf/, *.yml, /etc/app/a.conf, @env
env_file=app.env
watch_ignore=*_test.py
"""


def exported(folder, engine, text):
    return engine.export(configured(folder, text), target(split=True))


def test_compose_copies_what_has_changed_and_restarts(tmp_path):
    """With the folder that a pattern begins at; what is absolute is there already."""
    found = exported(tmp_path, compose, WEB)
    assert services(only(found.files))["web"]["develop"] == {
        "watch": [
            {
                "action": "sync+restart",
                "path": "./src",
                "target": "/srv/app/src",
                "include": ["**/*.py"],
                "ignore": ["*_test.py"],
            },
            {"action": "sync+restart", "path": "./conf", "target": "/srv/app/conf", "ignore": ["*_test.py"]},
            {
                "action": "sync+restart",
                "path": ".",
                "target": "/srv/app",
                "include": ["**/*.yml"],
                "ignore": ["*_test.py"],
            },
            {"action": "restart", "path": "/etc/app/a.conf", "ignore": ["*_test.py"]},
        ]
    }
    assert "@config and @env" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("engine", "text", "words"),
    [
        (compose, "watch_action=signal:HUP", "watch_action: compose only restarts"),
        (compose, "watch_cascade=true", "watch_cascade, which compose has not"),
        (kubernetes, "", "watch: Kubernetes does not restart"),
        (systemd, "", "watch: systemd does not restart"),
    ],
)
def test_what_is_lost_is_said(engine, text, words, tmp_path):
    """In the notes of the export."""
    assert words in " ".join(exported(tmp_path, engine, f"{WEB}{text}\n").notes)

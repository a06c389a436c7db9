"""Variables and secrets from files in other engines: carried, or said to be lost."""

import pytest

from procman.config.load import load
from procman.convert import compose, kubernetes, systemd
from procman.convert.result import Target

PROGRAM = """
[program:web]
command=/bin/web
directory=/srv/app
env_file=app.env, ?/etc/local.env, raw:plain.env
env_from=DB_PASSWORD=/run/secrets/db
credentials=tls.key, cert:tls/cert.pem
environment_inherit=LANG, LC_*
environment_unset=SSH_AUTH_SOCK
user_env=true
"""


@pytest.fixture
def exported(tmp_path):
    """The one file of an export by program, and the notes on it."""

    def export(engine, name):
        file = tmp_path / "p.conf"
        file.write_text(f"[supervisord]\n{PROGRAM}")
        found = engine.export(load(str(file)), Target(name="app", image="i", procman="/bin/procman", split=True))
        return found.files[name], [note for note in found.notes if note.startswith("[program:web]")]

    return export


def test_compose_reads_the_files_on_the_host(exported):
    """As env_file and secrets; that it sets no variable from a secret is said."""
    text, notes = exported(compose, "compose.yaml")
    assert (
        "    env_file:\n"
        "      - path: /srv/app/app.env\n"
        "        required: true\n"
        "      - path: /etc/local.env\n"
        "        required: false\n"
        "      - path: /srv/app/plain.env\n"
        "        required: true\n"
        "        format: raw\n"
    ) in text
    assert '    secrets: ["DB_PASSWORD", "tls.key", "cert"]\n' in text
    assert "secrets:\n  DB_PASSWORD:\n    file: /run/secrets/db\n  tls.key:\n    file: /run/secrets/tls.key\n" in text
    assert "  cert:\n    file: /srv/app/tls/cert.pem\n" in text
    for what in (
        "env_file: compose replaces",
        "env_from: the values",
        "credentials: the files",
        "environment_inherit",
        "user_env",
    ):
        assert any(what in note for note in notes), what


def test_systemd_has_a_word_for_most_of_it(exported):
    """EnvironmentFile, LoadCredential, PassEnvironment, UnsetEnvironment."""
    text, notes = exported(systemd, "app-web.service")
    for line in (
        "EnvironmentFile=/srv/app/app.env",
        "EnvironmentFile=-/etc/local.env",
        "LoadCredential=DB_PASSWORD:/run/secrets/db",
        "LoadCredential=tls.key",
        "LoadCredential=cert:/srv/app/tls/cert.pem",
        "PassEnvironment=LANG",
        "UnsetEnvironment=SSH_AUTH_SOCK",
    ):
        assert f"\n{line}\n" in text
    assert any("env_from: systemd sets no variable from a file" in note for note in notes)
    assert any("environment_inherit: PassEnvironment= knows no patterns" in note for note in notes)
    assert any("/srv/app/plain.env is raw" in note for note in notes)


def test_kubernetes_is_told_what_to_make_secrets_of(exported):
    """Their values are on this machine."""
    _, notes = exported(kubernetes, "app.yaml")
    for what in (
        "env_file: make a Secret",
        "env_from: put each value",
        "credentials: mount a Secret",
        "environment_inherit",
    ):
        assert any(what in note for note in notes), what

"""The options that say where a program gets variables and secrets from, in both forms of a file."""

import os

import pytest

from procman.config.load import ConfigError, load, read
from procman.config.schema import kinds
from procman.config.schema.kinds.environment_sources import (
    EnvFile,
    NamedFile,
    credential_of,
    env_file_of,
    env_from_of,
)
from procman.config.snapshot import read_program
from procman.core.snapshot import definition

HEAD = '[supervisord]\nenvironment=LANG="C",MODE="all"\n'


def program_in(tmp_path, text, *, name="a.conf"):
    file = tmp_path / name
    file.write_text(text)
    return load(str(file)).groups[0].programs[0]


def test_the_marks_of_a_file_are_told_from_its_path():
    """A ? before it, and raw: behind that."""
    assert env_file_of("app.env") == EnvFile("app.env", optional=False, raw=False)
    assert env_file_of("?raw:/x/a.env") == EnvFile("/x/a.env", optional=True, raw=True)
    assert env_from_of("?DB=/run/secrets/db") == NamedFile("DB", "/run/secrets/db", optional=True)
    assert credential_of("tls.key") == NamedFile("tls.key", "", optional=False)
    assert credential_of("?db:./a:b") == NamedFile("db", "./a:b", optional=True)


def test_both_forms_of_a_file_say_the_same(tmp_path):
    """Commas in INI; lists, and tables of names and paths in TOML."""
    ini = program_in(
        tmp_path,
        "[supervisord]\n[program:web]\ncommand=x\nenv_file=app.env, ?raw:b.env\nenv_from=A=./a, ?B=/b\n"
        "credentials=db:/d, tls.key\nenvironment_inherit=PATH, LC_*\nenvironment_unset=SSH_*\nuser_env=true\n",
    )
    toml = program_in(
        tmp_path,
        '[program.web]\ncommand = "x"\nenv_file = ["app.env", "?raw:b.env"]\nenv_from = {A = "./a", "?B" = "/b"}\n'
        'credentials = ["db:/d", "tls.key"]\nenvironment_inherit = ["PATH", "LC_*"]\nenvironment_unset = "SSH_*"\n'
        "user_env = true\n",
        name="a.toml",
    )
    options = ("env_file", "env_from", "credentials", "environment_inherit", "environment_unset", "user_env")
    assert [getattr(ini, name) for name in options] == [getattr(toml, name) for name in options]
    assert read_program(definition(ini)) == ini


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        (kinds.ENV_FILES, "app.env, ", "name a file"),
        (kinds.ENV_FILES, "raw:?a.env", "write the ? first: ?raw:a.env"),
        (kinds.ENV_FILES, "conf/", "name a file"),
        (kinds.ENV_FROM, "/run/secrets/db", "expected NAME=/PATH"),
        (kinds.ENV_FROM, "DB=hunter2", "with a / in it"),
        (kinds.ENV_FROM, "DB=/a, DB=/b", "DB is listed twice"),
        (kinds.CREDENTIALS, "/run/secrets/db", "db:/run/secrets/db"),
        (kinds.CREDENTIALS, "..", "expected NAME or NAME:/PATH"),
        (kinds.CREDENTIALS, "db:", "take the colon out"),
        (kinds.CREDENTIALS, "db:/a, db", "db is listed twice"),
        (kinds.INHERITED, "all, PATH", "all stands alone"),
        (kinds.INHERITED, "nnoe", "did you mean none?"),
        (kinds.INHERITED, "A B", "names of variables separated by commas"),
        (kinds.VARIABLE_NAMES, "A=1", "names of variables separated by commas"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_can(kind, text, complaint):
    """Each mistake has its way out; what may be a value is not repeated."""
    with pytest.raises(ValueError, match=r".") as error:
        kind.parse(text)
    assert complaint in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_complaint_names_the_line_and_the_option_and_no_value(tmp_path):
    """A value in the place of a path is a frequent mistake."""
    file = tmp_path / "a.conf"
    file.write_text("[supervisord]\n[program:web]\ncommand=x\nenv_from=DB_PASSWORD=hunter2\n")
    with pytest.raises(ConfigError) as error:
        load(str(file))
    assert f"{file}:4: [program:web] env_from: " in str(error.value)
    assert "hunter2" not in str(error.value)


def test_variables_of_the_master_are_told_from_its_own(tmp_path):
    """Files stand between the two; without files nothing is different from before."""
    plain = program_in(tmp_path, f'{HEAD}[program:web]\ncommand=x\nenvironment=MODE="own"\n')
    given = program_in(tmp_path, f'{HEAD}[program:web]\ncommand=x\nenvironment=MODE="own"\nenv_file=a.env\n')
    assert given.environment == plain.environment
    assert (plain.from_master, given.from_master) == ((), ("LANG",))


def checked(tmp_path, options):
    file = tmp_path / "a.conf"
    file.write_text(f"[supervisord]\n[program:web]\ncommand=/bin/true\ndirectory={tmp_path}\n{options}")
    return [str(problem) for problem in read(str(file), places=True).problems]


def test_check_reads_the_files_beforehand(tmp_path):
    """And says the file and the line; what may be missing is not missed."""
    (tmp_path / "bad.env").write_text("A=1\nB='hunter2\n")
    (tmp_path / "twice.env").write_text("A=1\nA=2\n")
    found = checked(
        tmp_path,
        "env_file=bad.env, twice.env, none.env, ?none.env\nenv_from=X=./none, ?Y=./none\n"
        "credentials=procman-has-no-such\n",
    )
    assert [text.partition("] ")[2].replace(f"{tmp_path}/", "") for text in found] == [
        (
            "env_file: bad.env:2: cannot read this line: expected NAME=VALUE, with a quote at the end of what begins "
            "with one, so the program could not be started"
        ),
        "env_file: twice.env:2: A stands in line 1, too; the last one counts",
        "env_file: none.env: there is no such file, so the program could not be started",
        "env_from: X: ./none: there is no such file, so the program could not be started",
        (
            "credentials: procman-has-no-such: /run/secrets/procman-has-no-such: there is no such file, so the program "
            "could not be started"
        ),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has programs of other users")
@pytest.mark.root
def test_check_suggests_user_env_where_home_would_be_roots(tmp_path, monkeypatch):
    """Supervisord leaves HOME as it is, and so does procman unless it is told."""
    monkeypatch.setenv("HOME", "/root")

    def homes(options):
        return [text for text in checked(tmp_path, options) if "HOME" in text]

    (text,) = homes("user=nobody\n")
    assert "gets HOME=/root, which is root's: write user_env = true" in text
    for better in ("user_env=true", "environment=HOME=/tmp", "environment_inherit=PATH", "environment_unset=HOME"):
        assert homes(f"user=nobody\n{better}\n") == []
    assert homes("user=root\n") == []

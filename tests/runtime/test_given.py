"""What a start is given from files, in which order things win, and when it is read."""

import asyncio
import pwd
import threading

import pytest

from procman.core.actions import Announce
from procman.core.states import State
from procman.runtime import given_readings
from procman.runtime.bus import Notification
from procman.runtime.given import CannotGive, Given, read_given_to
from procman.runtime.given_sources import GivenSources
from procman.runtime.launch import DEFAULT_PATH, environment, find_program
from procman.system.commands import CannotSpawn
from procman.system.given_files import CredentialFolders
from tests.support.launching import script
from tests.support.programs import program

PATIENCE = 30.0


@pytest.fixture
def web(tmp_path):
    """A program in the test's folder with these options."""

    def make(**options):
        return program("web", directory=str(tmp_path), **options)

    return make


def variables(one, base=(), given=None, **options):
    found = environment(one, None, dict(base), given=given or read_given_to(one, refuse=False), **options)
    return {name.decode(): value.decode() for name, value in found.items()}


def test_each_source_wins_over_those_before_it(web, tmp_path):
    """Inherited, user_env, the master's environment, env_file in order, env_from, the program's own."""
    (tmp_path / "1.env").write_text("D=1\nE=1\nF=1\nG=1\n")
    (tmp_path / "2.env").write_text("E=2\nF=2\nG=2\n")
    (tmp_path / "f").write_text("file\n\n")
    (tmp_path / "g").write_text("file\n")
    one = web(
        environment={"C": "master", "D": "master", "G": "own"},
        from_master=("C", "D"),
        env_file=("1.env", "?none.env", "2.env"),
        env_from=("F=./f", "G=./g", "?H=./none"),
        user_env=True,
    )
    base = dict.fromkeys((b"A", b"HOME", b"C", b"D", b"E", b"F", b"G"), b"inherited")
    found = variables(one, base)
    assert [found.get(name) for name in "ACDEFGH"] == ["inherited", "master", "1", "2", "file\n", "own", None]
    assert found["HOME"] == pwd.getpwuid(one.uid or 0).pw_dir or found["HOME"] != "inherited"


def test_what_is_inherited_can_be_chosen(web):
    """PATH has a default where it is not inherited, so that commands are found."""
    base = {b"PATH": b"/x", b"LANG": b"C", b"LC_ALL": b"C", b"SSH_AUTH_SOCK": b"/s"}

    def inherited(**options):
        return {name: value for name, value in variables(web(**options), base).items() if "SUPERVISOR" not in name}

    assert inherited(environment_inherit=("none",)) == {"PATH": DEFAULT_PATH}
    assert inherited(environment_inherit=("LC_*", "PATH")) == {"PATH": "/x", "LC_ALL": "C"}
    assert inherited(environment_unset=("SSH_*", "L?NG")) == {"PATH": "/x", "LC_ALL": "C"}
    assert inherited() == {name.decode(): value.decode() for name, value in base.items()}


def test_a_command_is_found_by_the_path_that_the_program_gets(web, tmp_path):
    """Also by one of a file."""
    script(tmp_path / "mine", "#!/bin/sh\n")
    one = web(command="mine", env_file=("app.env",))
    assert find_program(one, Given({b"PATH": str(tmp_path).encode()}, {})).file == f"{tmp_path}/mine"
    with pytest.raises(CannotSpawn, match="can't find command 'mine'"):
        find_program(one)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"env_file": ("none.env",)}, "cannot read env_file {}/none.env: there is no such file"),
        ({"env_file": ("bad.env",)}, "cannot read env_file {}/bad.env:2: cannot read this line"),
        ({"env_from": ("A=./none",)}, "cannot read env_from A: {}/./none: there is no such file"),
        ({"env_from": ("A=./nul",)}, "cannot take env_from A from ./nul: it has a NUL byte"),
        ({"credentials": ("db:none",)}, "cannot read credentials db: {}/none: there is no such file"),
        ({"credentials": ("no-such",)}, "cannot read credentials no-such: there is no "),
    ],
)
def test_a_start_that_cannot_be_given_what_it_needs_says_which_file(web, tmp_path, options, text):
    """With its option and line, and without anything of the file."""
    (tmp_path / "bad.env").write_text("A=1\nB='hunter2\n")
    (tmp_path / "nul").write_bytes(b"hunter2\0")
    with pytest.raises(CannotGive) as error:
        read_given_to(web(**options), refuse=False)
    assert str(error.value).startswith(text.format(tmp_path))
    assert "hunter2" not in str(error.value)


def test_a_bare_name_is_that_of_a_credential_of_procman_itself(web, tmp_path, monkeypatch):
    """As systemd passes them on."""
    (tmp_path / "tls.key").write_bytes(b"\0key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_given_to(web(credentials=("tls.key",)), refuse=False).credentials == {"tls.key": b"\0key"}


def test_values_are_in_no_text(web, tmp_path):
    """Whatever their names; each line of a long one counts."""
    given = Given({b"COLOUR": b"hunter2secret", b"N": b"12"}, {"key": b"-----BEGIN\nMIIEvQIB\n"})
    assert given.masked("12: hunter2secret, MIIEvQIB") == "12: ********, ********"
    assert "hunter2secret" not in repr(given)
    assert "MIIEvQIB" not in repr(given)


# ---- when it is read


class Setting:
    """Sources, and a wait for what changes."""

    def __init__(self):
        self.news = asyncio.Event()
        self.warned = []
        self.sources = GivenSources(CredentialFolders("test"), on_change=self.news.set, warn=self.warned.append)

    async def changed(self):
        await asyncio.wait_for(self.news.wait(), PATIENCE)
        self.news.clear()


@pytest.fixture
def within(monkeypatch):
    """Run the steps of a test."""
    monkeypatch.setattr(given_readings, "FRESH", PATIENCE)

    def run(steps, patience=PATIENCE):
        monkeypatch.setattr(given_readings, "PATIENCE", patience)

        async def whole():
            setting = Setting()
            await steps(setting)
            setting.sources.close()

        asyncio.run(whole())

    return run


def test_a_start_waits_until_all_is_read_beside_the_loop(web, tmp_path, within):
    """And gets it once; the next start reads again."""
    file = tmp_path / "app.env"
    file.write_text("A=1\nA=2\n")
    one = web(env_file=("app.env",))

    async def steps(setting):
        assert setting.sources.readings.is_ready(one) is None
        await setting.changed()
        assert setting.sources.readings.is_ready(one) is True
        assert setting.sources.take(one).variables == {b"A": b"2"}
        file.write_text("A=3\n")
        assert setting.sources.readings.is_ready(one) is None
        await setting.changed()
        assert setting.sources.take(one).variables == {b"A": b"3"}
        assert setting.warned == [f"web: env_file {file}:2: A stands in line 1, too; the last one counts"]

    within(steps)


def test_files_that_do_not_answer_hold_up_this_program_alone(web, within, monkeypatch):
    """After a moment, in which all others wait for their order."""
    answer = threading.Event()
    one = web(env_file=("app.env",))

    def slow(*_, **__):
        assert answer.wait(PATIENCE)
        return Given({}, {})

    monkeypatch.setattr(given_readings, "read_given_to", slow)

    async def steps(setting):
        assert setting.sources.readings.is_ready(one) is None
        await setting.changed()
        assert setting.sources.readings.is_ready(one) is False
        assert setting.sources.readings.slow == "web"
        answer.set()
        await setting.changed()
        assert setting.sources.readings.is_ready(one) is True
        assert setting.sources.readings.slow is None

    within(steps, patience=0.01)


def test_a_start_that_was_called_off_leaves_nothing(web, tmp_path, within):
    """What was read for it is read again for the next one."""
    (tmp_path / "app.env").write_text("A=1\n")
    one = web(env_file=("app.env",))

    async def steps(setting):
        setting.sources.readings.is_ready(one)
        await setting.changed()
        news = Announce("web", one, State.STARTING, State.STOPPED, 0)
        setting.sources.hear(Notification(1, news))
        assert setting.sources.readings.is_ready(one) is None
        await setting.changed()

    within(steps)


def test_only_names_of_what_has_changed_are_told(web, tmp_path, within):
    """Changed, new and gone; not what the program's own environment overrides. After an upgrade, too."""
    file = tmp_path / "app.env"
    file.write_text("A=1\nB=1\nC=1\nD=1\n")
    (tmp_path / "key").write_text("k1")
    one = web(env_file=("app.env",), credentials=("key:./key",), environment={"D": "own"})

    async def steps(setting):
        given = setting.sources.take(one)
        folder = setting.sources.credentials_for(one, given, "id/web/1.2", None)
        setting.sources.started(one, given)
        assert not (await setting.sources.differences(one)).sentences
        file.write_text("A=1\nB=2\nD=2\nE=1\n")
        (tmp_path / "key").write_text("k2")
        assert (await setting.sources.differences(one)).variables == ("B", "C", "E")
        data = setting.sources.snapshot()
        assert "k1" not in str(data)
        later = Setting().sources
        later.restore(data)
        found = await later.differences(one)
        assert (found.variables, found.credentials) == (("B", "C", "E"), ("key",))
        file.unlink()
        (sentence,) = (await later.differences(one)).sentences
        assert sentence.startswith("it could not be started now: cannot read env_file")
        assert folder

    within(steps)


def test_commands_of_the_program_get_what_its_run_has(web, tmp_path, within):
    """Of a run that another process image has started it is read first, beside the loop."""
    (tmp_path / "app.env").write_text("A=1\n")
    one = web(env_file=("app.env",))

    async def steps(setting):
        with pytest.raises(CannotSpawn, match="is being read"):
            setting.sources.of_run(one)
        await setting.changed()
        assert setting.sources.of_run(one).variables == {b"A": b"1"}
        setting.sources.started(one, Given({b"A": b"0"}, {}))
        assert setting.sources.of_run(one).variables == {b"A": b"0"}

    within(steps)


def test_a_command_before_a_start_gets_what_that_start_will_get(web, tmp_path, within):
    """And waits for it, whatever the run before had; one after the end gets what that run had."""
    file = tmp_path / "app.env"
    file.write_text("A=2\n")
    one = web(env_file=("app.env",))

    async def steps(setting):
        sources = setting.sources
        sources.started(one, Given({b"A": b"1"}, {}))
        sources.hear(Notification(1, Announce("web", one, State.RUNNING, State.EXITED, 0)))
        assert sources.may_command(one, anew=False)
        assert sources.of_run(one).variables == {b"A": b"1"}
        assert not sources.may_command(one, anew=True)
        await setting.changed()
        assert sources.may_command(one, anew=True)
        assert sources.of_run(one).variables == {b"A": b"2"}
        assert sources.take(one).variables == {b"A": b"2"}

    within(steps)

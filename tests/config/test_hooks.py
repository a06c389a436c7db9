"""The options of hooks, in both forms of a file."""

import os

import pytest

from procman.config.load import read
from procman.core.spec import HookCommand, Reload


def problems(tmp_path, *lines: str, places: bool = False) -> list[str]:
    path = tmp_path / "x.conf"
    path.write_text("\n".join(["[program:web]", "command=/bin/sleep 10", *lines, "[supervisord]", ""]))
    found = read(str(path), places=places).problems
    return [f"{problem.line}: {problem.option}: {problem.message}" for problem in found]


def program(tmp_path, text: str, name: str = "x.conf"):
    path = tmp_path / name
    path.write_text(text if name.endswith(".toml") else f"{text}[supervisord]\n")
    config = read(str(path)).config
    assert config is not None
    return config.groups[0].programs[0]


def test_commands_stand_on_lines_or_in_a_list(tmp_path):
    """With their prefixes, in any order; TOML also has one alone."""
    ini = program(
        tmp_path, "[program:web]\ncommand=x\npre_start=\n  ./a %(program_name)s\n  -+./b\n  +-./c\npost_stop=-d\n"
    )
    toml = program(
        tmp_path,
        '[program.web]\ncommand = "x"\npre_start = ["./a %(program_name)s", "-+./b", "+-./c"]\npost_stop = "-d"\n',
        "x.toml",
    )
    commands = (HookCommand("./a web"), HookCommand("./b", True, True), HookCommand("./c", True, True))
    assert ini.pre_start == toml.pre_start == commands
    assert ini.post_stop == toml.post_stop == (HookCommand("d", may_fail=True),)


@pytest.mark.parametrize(
    ("text", "reload"),
    [
        ("signal:HUP", Reload(1)),
        ("signal: SIGUSR1", Reload(10)),
        ("./reload now", Reload(0, (HookCommand("./reload now"),))),
        ("", None),
    ],
)
def test_a_reload_is_a_signal_or_a_command(tmp_path, text, reload):
    """Nothing is none of them."""
    assert program(tmp_path, f"[program:web]\ncommand=x\nreload={text}\n").reload == reload


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pre_start=-", "3: pre_start: cannot read '-': there is a prefix without a command"),
        ("pre_start=--x", "3: pre_start: cannot read '--x': the prefix - is given twice"),
        ("pre_start=x 'y", "3: pre_start: a command cannot be split into words: No closing quotation: close the quote"),
        ("reload=HUP", "3: reload: cannot read 'HUP': did you mean signal:HUP?"),
        (
            "hook_timeout=5",
            "3: hook_timeout: it has no effect without a hook such as pre_start or post_stop: take it out",
        ),
        ("before_kill_timeout=5", "3: before_kill_timeout: it has no effect without before_kill: take it out"),
        (
            "on_dependency_restart=reload",
            "3: on_dependency_restart: there is no option reload that says how: add reload = signal:HUP, or a command",
        ),
        (
            "on_unhealthy=reload\nhealth=tcp:1",
            "3: on_unhealthy: there is no option reload that says how: add reload = signal:HUP, or a command",
        ),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_line(tmp_path, line, message):
    """Each complaint ends with the way out."""
    assert message in problems(tmp_path, line)


def test_a_check_looks_for_the_commands(tmp_path):
    """A missing one, and one that is written for a shell."""
    found = problems(tmp_path, "pre_start=/no/such/file", "post_stop=echo $HOME && true", places=True)
    assert any("3: pre_start: can't find command '/no/such/file', so pre_start would fail" in line for line in found)
    assert any("4: post_stop: no shell is run for echo" in line for line in found)


@pytest.mark.root
def test_a_plus_in_a_file_that_others_may_write_is_refused(tmp_path):
    """They could run anything as root by it."""
    path = tmp_path / "x.conf"
    path.write_text("[program:web]\ncommand=x\nuser=nobody\npre_start=+id\n[supervisord]\n")
    path.chmod(0o666)
    (problem,) = [one for one in read(str(path)).problems if one.severity == "error"]
    assert (problem.line, problem.option, problem.slug) == (4, "pre_start", "writable")
    assert problem.message.endswith(f"chmod go-w {path}, or take the + out")


@pytest.mark.root
@pytest.mark.parametrize(("mode", "owner"), [(0o757, 0), (0o755, 65534)])
def test_a_plus_before_a_command_that_others_may_write_is_refused(tmp_path, mode, owner):
    """With its own user, the same command is that user's affair; and what cannot be found cannot be run either."""
    script = tmp_path / "prepare"
    script.write_text("#!/bin/sh\n")
    script.chmod(mode)
    os.chown(script, owner, -1)
    own = f"[program:web]\ncommand=x\nuser=nobody\ndirectory={tmp_path}\n"
    path = tmp_path / "x.conf"
    path.write_text(f"{own}pre_start=+./prepare now\npost_stop=./prepare\npost_start=+./none\n[supervisord]\n")
    (problem,) = [one for one in read(str(path)).problems if one.severity == "error"]
    assert (problem.line, problem.option, problem.slug) == (5, "pre_start", "writable")
    assert problem.message.startswith("+ runs ./prepare as user root, and of that file, ")
    assert problem.message.endswith(f"{'chmod go-w' if mode == 0o757 else 'chown root'} {script}, or take the + out")
    script.chmod(0o755)
    os.chown(script, 0, -1)
    assert [one for one in read(str(path)).problems if one.severity == "error"] == []

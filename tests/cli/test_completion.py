"""Real shells complete commands, flags, values, and the names that a master answers with."""

import os
import shutil
import subprocess
import sys

import pexpect
import pytest

from procman.cli.completion import bash, fish, zsh
from procman.cli.completion.tables import of_procman, of_procmanctl
from procman.cli.procman import main
from procman.cli.procman_commands.table import COMMANDS as OF_PROCMAN
from procman.cli.procmanctl_commands import COMMANDS
from tests.support.ctl_environment import ENVIRON
from tests.support.fake_master import process

SCRIPTS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
LIMIT = 30
needs = {name: pytest.mark.skipif(shutil.which(name) is None, reason=f"no {name}") for name in SCRIPTS}


@pytest.fixture
def shell(master, tmp_path):
    """The environment of a shell with both commands, for a master with a program and a group; and the scripts."""
    master.show(process("web"), process("one", group="site"), process("two $(touch x)", group="site"))
    for name in ("procman", "procmanctl"):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\necho "$@" >>"$HOME/calls"\nexec {sys.executable} -m procman.cli.{name} "$@"\n')
        command.chmod(0o755)
    for name, script in SCRIPTS.items():
        (tmp_path / name).write_text(script())
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    return {**ENVIRON, "PATH": path, "PROCMAN_SERVER_URL": master.url, "HOME": str(tmp_path)}


def asked(command, shell):
    done = subprocess.run(
        command,
        env=shell,
        cwd=shell["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def in_bash(line, shell):
    """What bash would offer for the line, as it would type it."""
    program = line.split()[0]
    code = f'source "$1"; COMP_LINE=$2; COMP_POINT=${{#2}}; _{program}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return [
        word for word in asked(["bash", "--norc", "-c", code, "bash", f"{shell['HOME']}/bash", line], shell) if word
    ]


def in_fish(line, shell):
    code = f"source {shell['HOME']}/fish; complete -C '{line}'"
    return [offer.partition("\t")[0] for offer in asked(["fish", "--no-config", "-c", code], shell)]


OFFERS = {
    "procmanctl stat": ["status"],
    "procmanctl status --lo": ["--long"],
    "procmanctl status -o ": ["json", "name", "wide", "yaml"],
    "procmanctl restart w": ["web"],
    "procmanctl restart web site:o": ["site:one"],
    "procmanctl update ": ["site", "web"],
    "procmanctl signal HU": ["HUP"],
    "procmanctl signal HUP w": ["web"],
    "procmanctl -i kill w": ["web"],
    "procmanctl ls w": ["web"],
    "procmanctl help wh": ["whoami", "why"],
    "procmanctl --serv": ["--serverurl"],
    "procman comp": ["completion"],
    "procman completion ": ["bash", "fish", "zsh"],
    "procman export ku": ["kubernetes"],
    "procman export ": ["compose", "kubernetes", "systemd"],
    "procman import p": ["pm2", "process-compose", "procfile"],
    "procman import ku": [],
    "procman import compose fis": ["fish"],
    "procman replay fis": ["fish"],
    "procman export kubernetes --sp": ["--split"],
    "procman run --restart ": ["always", "never", "on-failure"],
    "procman explain stopw": ["stopwaitsecs"],
    "procman check -c fis": ["fish"],
}


@needs["bash"]
def test_bash_completes_every_kind_of_word(shell):
    """Commands, flags, their values, names from the master, signals, topics, and files."""
    for line, offers in OFFERS.items():
        # bash replaces what follows the last colon.
        assert sorted(in_bash(line, shell)) == [offer.removeprefix("site:") for offer in offers], line


@needs["fish"]
def test_fish_completes_every_kind_of_word(shell):
    """Commands, flags, their values, names from the master, signals, topics, and files."""
    for line, offers in OFFERS.items():
        assert sorted(in_fish(line, shell)) == offers, line


@needs["bash"]
def test_bash_offers_names_as_they_have_to_be_typed(shell, tmp_path):
    """A group is `site:*`; a name with special characters is quoted, and nothing of it is executed."""
    assert in_bash("procmanctl stop si", shell) == ["site:one", r"site:two\ \$\(touch\ x\)", r"site:\*"]
    assert in_bash("procmanctl stop site:", shell) == ["one", r"two\ \$\(touch\ x\)", r"\*"]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", [pytest.param(name, marks=mark) for name, mark in needs.items() if name != "fish"])
def test_tab_completes_on_a_terminal(shell, name, tmp_path):
    """A command, a flag and a name are completed by TAB in an interactive shell."""
    options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}
    child = pexpect.spawn(name, options[name], env={**shell, "PS1": "% "}, encoding="utf-8", timeout=LIMIT)
    if name == "zsh":
        child.sendline("autoload -Uz compinit; compinit -u -D")
    child.sendline(f"source {shell['HOME']}/{name}; echo rea''dy")
    child.expect_exact("ready\r\n")
    child.send("procmanctl stat\t--lo\twe\t\n")
    child.sendline("echo fini''shed")
    child.expect_exact("finished\r\n")
    child.close(force=True)
    assert (tmp_path / "calls").read_text().splitlines()[-1] == "status --long web"


@needs["bash"]
def test_a_master_that_does_not_answer_offers_nothing(shell):
    """There is no error on the line that is being typed."""
    assert in_bash("procmanctl stop ", {**shell, "PROCMAN_SERVER_URL": "unix:///nowhere"}) == []


def test_every_command_is_completed():
    """The tables have each command of both, with all of its flags."""
    names = {command.name for command in of_procmanctl()[1]}
    assert names >= COMMANDS.keys() - {"EOF"}
    commands = {command.name: command for command in of_procman()[1]}
    assert commands.keys() == OF_PROCMAN.keys() - {""}
    for name, command in OF_PROCMAN.items():
        known = commands[name].flags if name else of_procman()[0]
        assert [list(flag.names) for flag in known] == [flag.names for flag in command.flags]
    assert all(command.about for command in of_procmanctl()[1])


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("bash", ["data/bash-completion/completions/procman", "data/bash-completion/completions/procmanctl"]),
        ("zsh", ["data/zsh/site-functions/_procman"]),
        ("fish", ["config/fish/completions/procman.fish", "config/fish/completions/procmanctl.fish"]),
    ],
)
def test_the_script_is_installed_where_the_shell_looks(name, files, tmp_path, monkeypatch, capsys):
    """Without --install it is printed; both commands have it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["completion", name]) == 0
    assert capsys.readouterr().out == SCRIPTS[name]()
    assert main(["completion", name, "--install"]) == 0
    assert [(tmp_path / file).read_text() for file in files] == [SCRIPTS[name]()] * len(files)
    assert f"written: {tmp_path / files[0]}\n" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "hint"), [([], "bash, zsh, fish"), (["fihs"], "did you mean fish?")])
def test_another_shell_is_an_error(words, hint, capsys):
    """It lists the shells."""
    assert main(["completion", *words]) == 2
    assert hint in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_an_error(tmp_path, monkeypatch, capsys):
    """The error names the file."""
    (tmp_path / "data").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert main(["completion", "--install", "bash"]) == 2
    assert f"cannot write {tmp_path}/data/bash-completion/completions/procman: " in capsys.readouterr().err

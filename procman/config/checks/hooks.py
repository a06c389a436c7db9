"""Checks the commands of hooks: that they are there, and that they are not written for a shell."""

import os
from collections.abc import Iterator

from procman.config.checks.shell_syntax import is_shells_own, needs_a_shell
from procman.config.formats.raw import RawOption
from procman.config.resolve.hooks import hook_commands
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.core.spec import Hook, HookCommand
from procman.system.commands import CannotSpawn, find_command
from procman.system.shell_split import first_word


def warn_of_hooks(reading: OptionReader, config: Config) -> None:
    """Warn of each command of a hook that could not be started, or that needs a shell; once for a section."""
    seen: set[tuple[str, str, str]] = set()
    here = config.master.directory or ""
    for group in config.groups:
        for program in group.programs:
            section = reading.sections.sections[program.section]
            for hook, command in _commands(program):
                if (section.name, hook.value, command.text) in seen:
                    continue
                complaint = _complaint(reading, program, hook, command, here)
                if complaint is not None:
                    seen.add((section.name, hook.value, command.text))
                    reading.complain(section, hook.value, *complaint, "warning")


def _commands(program: Program) -> Iterator[tuple[Hook, HookCommand]]:
    values = {hook.value: getattr(program, hook.value) for hook in Hook}
    for hook in Hook:
        for command in hook_commands(values, hook.value):
            yield hook, command


def _complaint(
    reading: OptionReader, program: Program, hook: Hook, command: HookCommand, here: str
) -> tuple[str, str] | None:
    raw = reading.raw(reading.sections.sections[program.section], hook.value)
    short = first_word(command.text)
    if raw is not None and needs_a_shell(RawOption(command.text, raw.file, raw.line, raw.here)) is not None:
        return f"no shell is run for {short}: put the command into sh -c '…', or into a script", "needs-a-shell"
    if reading.machine.is_assumed or is_shells_own(short):
        return None
    directory = os.path.join(here, program.directory or "")
    if "/" in short and not short.startswith("/") and directory and not reading.machine.is_directory(directory):
        return None  # that the directory is missing is reported of the program
    try:
        find_command(command.text, directory, program.environment.get("PATH"))
    except CannotSpawn as why:
        return f"{why}, so {hook.value} would fail: install it, or name another", "no-such-command"
    return None

"""How a command of a hook is named for people."""

from procman.core.spec import HookCommand
from procman.system.shell_split import first_word


def short_command(command: HookCommand) -> str:
    """What runs, without its arguments, which may be secret: ./migrate."""
    return first_word(command.text)

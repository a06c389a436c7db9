"""The commands of hooks, one on each line, and how a program is told to read its configuration again."""

from collections.abc import Iterable
from signal import Signals

from procman.config.schema.kinds.lists import STRING_LIST
from procman.config.schema.kinds.signals import SIGNAL
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.core.spec import HookCommand, Reload

# More is a script.
MOST_COMMANDS = 32
_PREFIXES = "-+"


def _command(text: str) -> HookCommand:
    written = text.strip()
    command = written.lstrip(_PREFIXES).lstrip()
    prefixes = written[: len(written) - len(written.lstrip(_PREFIXES))]
    if not command:
        raise Unfit("there is a prefix without a command" if prefixes else "expected a command")
    for prefix in _PREFIXES:
        if prefixes.count(prefix) > 1:
            raise Unfit(f"the prefix {prefix} is given twice")
    return HookCommand(command, "-" in prefixes, "+" in prefixes)


def _commands(lines: Iterable[str]) -> tuple[HookCommand, ...]:
    commands = tuple(_command(line) for line in lines)
    if len(commands) > MOST_COMMANDS:
        raise Unfit(f"{len(commands)} commands are more than {MOST_COMMANDS}: put them into a script")
    return commands


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _accept_commands(value: object) -> tuple[HookCommand, ...]:
    if isinstance(value, str):
        return _commands(_lines(value))
    if not isinstance(value, list):
        raise TypeError
    return _commands(accept_text(item) for item in value)


def show_command(command: HookCommand) -> str:
    """As a user writes it."""
    return f"{'-' if command.may_fail else ''}{'+' if command.as_master else ''}{command.text}"


HOOK: Kind[tuple[HookCommand, ...]] = Kind(
    name="commands",
    expected="commands, one on each line, or a list of them in TOML; - before one ignores its failure",
    slug="bad-hook",
    parse=lambda text: _commands(_lines(text)),
    accept=_accept_commands,
    schema=STRING_LIST,
    show=lambda commands: "\n".join(show_command(HookCommand(*command)) for command in commands),
)


def _reload(value: object) -> Reload | None:
    if isinstance(value, str) and not value.strip():
        return None
    word = value.strip() if isinstance(value, str) else ""
    kind, colon, name = word.partition(":")
    if colon and kind.lower() == "signal":
        return Reload(int(SIGNAL.parse(name)))
    if word.upper() in Signals.__members__ or f"SIG{word.upper()}" in Signals.__members__:
        raise Unfit(f"did you mean signal:{word.upper().removeprefix('SIG')}?")
    commands = _accept_commands(value)
    return Reload(commands=commands) if commands else None


def _show_reload(value: Reload | None) -> str:
    if value is None:
        return ""
    way = Reload(*value)
    if way.signal:
        return f"signal:{SIGNAL.show(Signals(way.signal))}"
    return "\n".join(show_command(HookCommand(*command)) for command in way.commands)


RELOAD: Kind[Reload | None] = Kind(
    name="signal:NAME or command",
    expected="a signal such as signal:HUP, or a command",
    slug="bad-reload",
    parse=_reload,
    accept=_reload,
    schema=STRING_LIST,
    show=_show_reload,
)

"""Lists of names, of file patterns and of event types."""

from collections.abc import Sequence

from procman.config.schema.event_types import EVENT_TYPES
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Schema, Unfit
from procman.config.spelling import did_you_mean

STRING_LIST: Schema = {"type": ["array", "string"], "items": {"type": "string"}}


def accept_list(value: object) -> Sequence[object]:
    """Return a TOML array; raises Unfit for anything else."""
    if not isinstance(value, list):
        raise Unfit("expected a list in [ ]")
    return value


def parse_strings(text: str) -> tuple[str, ...]:
    """Words between commas, without the blanks around them."""
    return tuple(word.strip() for word in text.split(",")) if text else ()


def accept_strings(value: object) -> tuple[str, ...]:
    """The same, or a TOML array of texts; raises Unfit or TypeError for anything else."""
    return parse_strings(value) if isinstance(value, str) else tuple(accept_text(item) for item in accept_list(value))


STRINGS: Kind[tuple[str, ...]] = Kind(
    name="list",
    expected="names separated by commas",
    slug="other",
    parse=parse_strings,
    accept=accept_strings,
    schema=STRING_LIST,
    show=",".join,
)
PATTERNS: Kind[tuple[str, ...]] = Kind(
    name="file patterns",
    expected="file names or patterns separated by blanks",
    slug="other",
    parse=lambda text: tuple(text.split()),
    accept=lambda value: (
        (value,) if isinstance(value, str) else tuple(accept_text(item) for item in accept_list(value))
    ),
    schema=STRING_LIST,
    show=" ".join,
)


def _events(words: Sequence[str]) -> tuple[str, ...]:
    names = {word.upper() for word in words}
    if not names:
        raise Unfit("expected at least one event type such as PROCESS_STATE", "listener-without-events")
    unknown = sorted(names - EVENT_TYPES.keys())
    if unknown:
        raise Unfit(f"unknown event type {unknown[0]}{did_you_mean(unknown[0], EVENT_TYPES)}")
    return tuple(sorted(names))


EVENTS: Kind[tuple[str, ...]] = Kind(
    name="list of event types",
    expected="event types such as PROCESS_STATE, TICK_60",
    slug="unknown-event",
    parse=lambda text: _events(parse_strings(text)),
    accept=lambda value: _events(accept_strings(value)),
    schema=STRING_LIST,
    show=",".join,
)

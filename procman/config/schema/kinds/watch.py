"""Which files are watched, and what is done when one has changed."""

from collections.abc import Iterable
from typing import get_args

from procman.config.schema.kinds.actions import read_action, show_action
from procman.config.schema.kinds.lists import STRING_LIST, accept_strings, parse_strings
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean
from procman.core.spec import WatchAction

OF_CONFIG, OF_ENVIRONMENT = "@config", "@env"
_WORDS = (OF_CONFIG, OF_ENVIRONMENT)
# More are better said by a folder.
MOST_PATTERNS = 100


def _patterns(texts: Iterable[str], words: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(text.strip() for text in texts)
    for text in found:
        if not text:
            raise Unfit("there is an empty item: take out the comma, or name a file")
        if "\0" in text:
            raise Unfit("a name of a file holds no NUL")
        if text.startswith("@") and text not in words:
            way_out = f"write ./{text} for a file of that name" if words else f"{text} stands for files only in watch"
            raise Unfit(f"there is no {text}{did_you_mean(text, words)}; {way_out}")
    if len(found) > MOST_PATTERNS:
        raise Unfit(f"{len(found)} patterns are more than {MOST_PATTERNS}: name the folder that they are in")
    return found


WATCH: Kind[tuple[str, ...]] = Kind(
    name="files to watch",
    expected="files, folders and patterns separated by commas, such as src/**/*.py, conf/, @env",
    slug="bad-watch",
    parse=lambda text: _patterns(parse_strings(text), _WORDS),
    accept=lambda value: _patterns(accept_strings(value), _WORDS),
    schema=STRING_LIST,
    show=", ".join,
)
WATCH_IGNORE: Kind[tuple[str, ...]] = Kind(
    name="files not to watch",
    expected="names and patterns separated by commas, such as *_test.py, cache/**",
    slug="bad-watch",
    parse=lambda text: _patterns(parse_strings(text), ()),
    accept=lambda value: _patterns(accept_strings(value), ()),
    schema=STRING_LIST,
    show=", ".join,
)


def _action(value: object) -> WatchAction:
    words = get_args(WatchAction.__annotations__["what"])
    return WatchAction(*read_action(value, words, WATCH_ACTION.expected, "HUP"))


WATCH_ACTION: Kind[WatchAction] = Kind(
    name="restart, reload, signal:NAME or exec:COMMAND",
    expected="restart, reload, a signal such as signal:HUP, or exec:COMMAND",
    slug="bad-watch-action",
    parse=_action,
    accept=_action,
    schema={"type": "string"},
    show=show_action,
)

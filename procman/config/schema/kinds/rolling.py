"""How a program is restarted, and how many of its processes at once."""

import re
from typing import Literal

from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.options import Kind, Unfit

_STRATEGIES: dict[str, Literal["all", "rolling"]] = {"all": "all", "rolling": "rolling"}
RESTART_STRATEGY = word_of("bad-restart-strategy", _STRATEGIES, str)

WHOLE = 100


def parse_batch(text: str) -> tuple[int, bool]:
    """2 is (2, False), 25% is (25, True)."""
    found = re.fullmatch(r"(\d{1,9})\s*(%?)", text.strip(), re.ASCII)
    if found is None:
        raise Unfit(f"expected {ROLLING_BATCH.expected}")
    return _checked(int(found[1]), bool(found[2]))


def _checked(number: int, is_percentage: bool) -> tuple[int, bool]:
    if number < 1:
        raise Unfit("a batch has at least one process: write 1")
    if is_percentage and number > WHOLE:
        raise Unfit("no batch is larger than all of them: write 100%")
    return number, is_percentage


def _accept(value: object) -> tuple[int, bool]:
    return parse_batch(value) if isinstance(value, str) else _checked(accept_int(value), False)


def show_batch(value: tuple[int, bool]) -> str:
    """2, or 25%."""
    return f"{value[0]}{'%' if value[1] else ''}"


ROLLING_BATCH: Kind[tuple[int, bool]] = Kind(
    name="number or percentage",
    expected="a number of processes, or a percentage such as 25%",
    slug="bad-rolling-batch",
    parse=parse_batch,
    accept=_accept,
    schema={"type": ["integer", "string"]},
    show=show_batch,
)

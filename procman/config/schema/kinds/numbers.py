"""Whole numbers, sizes in bytes, octal modes and exit codes."""

import re
from signal import Signals

from procman.config.schema.kinds.lists import accept_list
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.core.spec import FOREVER

KIB = 1024
MIB = 1024 * KIB
MOST_REPORTS = 1000
# Linux has no more pids (PID_MAX_LIMIT): https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html
MOST_PROCESSES = 1 << 22
UNITS = {"kb": KIB, "mb": KIB**2, "gb": KIB**3}
MAX_EXITCODE = 255


def accept_int(value: object) -> int:
    """Read a TOML integer, or a string that holds one."""
    if isinstance(value, str):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


INTEGER: Kind[int] = Kind(
    name="number",
    expected="a whole number",
    slug="bad-number",
    parse=int,
    accept=accept_int,
    schema={"type": ["integer", "string"]},
)


def number_up_to(most: int, name: str) -> Kind[int]:
    """A kind of whole numbers, 0 is one of them; `name` is for the reference."""

    def check(value: int) -> int:
        if not 0 <= value <= most:
            raise ValueError
        return value

    return Kind(
        name=name,
        expected=f"a whole number from 0 to {most}",
        slug="bad-number",
        parse=lambda text: check(int(text)),
        accept=lambda value: check(accept_int(value)),
        schema={"type": ["integer", "string"]},
    )


REPORTS = number_up_to(MOST_REPORTS, "number of reports")


def _concurrency(value: int) -> int | None:
    if value < 0:
        raise ValueError
    return value or None


CONCURRENCY: Kind[int | None] = Kind(
    name="number of processes",
    expected="a whole number of processes, or 0 for no limit",
    slug="bad-number",
    parse=lambda text: _concurrency(int(text)),
    accept=lambda value: _concurrency(accept_int(value)),
    schema={"type": ["integer", "string"]},
    show=lambda value: str(value or 0),
)


def _parse_numprocs(text: str) -> int | None:
    return None if text.strip().lower() == "auto" else int(text)


NUMPROCS: Kind[int | None] = Kind(
    name="number or auto",
    expected="a whole number, or auto for one of each CPU",
    slug="bad-number",
    parse=_parse_numprocs,
    accept=lambda value: _parse_numprocs(value) if isinstance(value, str) else accept_int(value),
    schema={"type": ["integer", "string"]},
    show=lambda value: "auto" if value is None else str(value),
)


def _parse_size(text: str) -> int:
    word = text.lower()
    factor = UNITS.get(word[-2:])
    # Other tools write 50M or 50MiB.
    others = re.fullmatch(r"(\d+)\s*([kmg])(?:ib)?", word)
    if others is not None:
        raise Unfit(f"expected {SIZE.expected}; did you mean {others[1]}{others[2].upper()}B?")
    return int(word) if factor is None else int(word[:-2]) * factor


def show_size(value: int) -> str:
    """50MB for 52428800; plain bytes if no unit divides the value."""
    for unit, factor in reversed(UNITS.items()):
        if value and value % factor == 0:
            return f"{value // factor}{unit.upper()}"
    return str(value)


SIZE: Kind[int] = Kind(
    name="size",
    expected="a number of bytes, or one with KB, MB or GB such as 50MB",
    slug="bad-number",
    parse=_parse_size,
    accept=lambda value: _parse_size(value) if isinstance(value, str) else accept_int(value),
    schema={"type": ["integer", "string"]},
    show=show_size,
)


def _accept_octal(value: object) -> int:
    if isinstance(value, int):
        raise Unfit('expected octal digits in quotes such as "0700"')
    return int(accept_text(value), 8)


def show_octal(value: int) -> str:
    """0700 for 448."""
    return f"{value:04o}"


OCTAL: Kind[int] = Kind(
    name="octal mode",
    expected="octal digits such as 022 or 0700",
    slug="bad-octal",
    parse=lambda text: int(text, 8),
    accept=_accept_octal,
    schema={"type": "string"},
    show=show_octal,
)


def _parse_retries(text: str) -> int:
    return FOREVER if text.strip().lower() == "forever" else int(text)


RETRIES: Kind[int] = Kind(
    name="number of retries",
    expected="a whole number, or forever",
    slug="bad-number",
    parse=_parse_retries,
    accept=lambda value: _parse_retries(value) if isinstance(value, str) else accept_int(value),
    schema={"type": ["integer", "string"]},
    show=lambda value: "forever" if value == FOREVER else str(value),
)


def _parse_percent(value: str | float) -> float:
    number = float(value.strip().removesuffix("%") if isinstance(value, str) else value)
    if not 0 <= number <= 100:  # noqa: PLR2004 - per cent
        raise Unfit("expected a percentage from 0 to 100")
    return number / 100


PERCENT: Kind[float] = Kind(
    name="percentage",
    expected="a percentage such as 10%",
    slug="bad-number",
    parse=_parse_percent,
    accept=lambda value: _parse_percent(value if isinstance(value, (str, float)) else accept_int(value)),
    schema={"type": ["number", "string"]},
    show=lambda value: f"{value * 100:g}",
)


def _parse_factor(text: str | float) -> float:
    value = float(text)
    if not 1 <= value <= 100:  # noqa: PLR2004 - more is surely a mistake
        raise Unfit("expected a number from 1 to 100, such as 2 or 1.5")
    return value


FACTOR: Kind[float] = Kind(
    name="factor",
    expected="a number from 1 to 100",
    slug="bad-number",
    parse=_parse_factor,
    accept=lambda value: _parse_factor(value if isinstance(value, float) else accept_int(value)),
    schema={"type": ["number", "string"]},
    show=lambda value: f"{value:g}",
)


def _parse_exitcodes(text: str) -> tuple[int, ...]:
    return tuple(_exitcode(word) for word in text.split(",")) if text else ()


def _exitcode(item: object) -> int:
    """An exit code, or the negative number of a signal."""
    if isinstance(item, str) and (number := _SIGNALS.get(item.strip().upper())) is not None:
        return -number
    code = accept_int(item)
    if not 0 <= code <= MAX_EXITCODE:
        raise Unfit("expected exit codes from 0 to 255, or signals such as SIGTERM")
    return code


def _accept_exitcodes(value: object) -> tuple[int, ...]:
    if isinstance(value, str):
        return _parse_exitcodes(value)
    if isinstance(value, int):
        return (_exitcode(value),)
    return tuple(_exitcode(item) for item in accept_list(value))


_SIGNALS = {member.name: member.value for member in Signals}

EXITCODES: Kind[tuple[int, ...]] = Kind(
    name="list of exit codes",
    expected="exit codes from 0 to 255, and signals such as SIGTERM, separated by commas",
    slug="bad-exitcodes",
    parse=_parse_exitcodes,
    accept=_accept_exitcodes,
    schema={"type": ["array", "integer", "string"], "items": {"type": ["integer", "string"]}},
    show=lambda value: ",".join(str(code) if code >= 0 else Signals(-code).name for code in value),
)

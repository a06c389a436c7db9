"""What the options of log rotation mean together: defaults, what is missing, and what has no effect."""

import sys
from importlib.util import find_spec
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.kinds.numbers import show_size
from procman.config.schema.kinds.paths import is_console

# Where an age or a total says how many rotated files are kept.
BACKUPS = 1000
_OPTIONS = ("rotate", "compress", "max_age", "max_total", "name")


def settle_rotation(reading: OptionReader, section: RawSection, values: dict[str, Any], channel: str) -> None:
    """Of one channel; its destination is settled already."""
    file = f"{channel}_logfile"
    given = [name for name in _OPTIONS if f"{file}_{name}" in section.options]
    bounded = values[f"{file}_max_age"] is not None or values[f"{file}_max_total"] is not None
    if bounded and reading.raw(section, f"{file}_backups") is None:
        values[f"{file}_backups"] = BACKUPS
    if values[f"{file}_compress"] == "zstd" and not _has_zstd():
        message = "zstd needs the library zstandard, which is not installed: pip install 'procman[zstd]', or write gzip"
        reading.complain(section, f"{file}_compress", message, "no-zstd")
    if not given:
        return
    places = (values[file], *values[f"{channel}_also"])
    if all(not place or is_console(place) for place in places):
        for name in given:
            message = f"{file} is no file, so nothing is rotated: take it out, or name a file"
            reading.complain(section, f"{file}_{name}", message, "nothing-to-rotate", "warning")
        return
    _warn_of_what_is_lost(reading, section, values, file, given)


def _warn_of_what_is_lost(
    reading: OptionReader, section: RawSection, values: dict[str, Any], file: str, given: list[str]
) -> None:
    if values[f"{file}_backups"] <= 0:
        message = f"{file}_backups is 0, so a rotation empties the file and nothing is kept: raise it"
        reading.complain(section, f"{file}_{given[0]}", message, "no-backups", "warning")
    total, most = values[f"{file}_max_total"], values[f"{file}_maxbytes"]
    if total is not None and most and total < 2 * most:
        message = (
            f"a file of {file}_maxbytes ({show_size(most)}) and a rotated one are more than that, so no rotated file "
            f"is kept for long: raise it to {show_size(2 * most)} at least, or lower {file}_maxbytes"
        )
        reading.complain(section, f"{file}_max_total", message, "small-total", "warning")


def _has_zstd() -> bool:
    # Python 3.14 has a module of its own.
    return find_spec("zstandard") is not None or sys.version_info >= (3, 14)

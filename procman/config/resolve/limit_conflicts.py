"""What the limits of a program mean for each other: the numbers of its groups, and contradictions."""

from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.kinds.limits import UNLIMITED
from procman.config.schema.kinds.numbers import show_size
from procman.config.schema.limits import LimitedProcess
from procman.config.schema.options import options_of

_ONLY_WITH = {
    "memory_measure": "memory_restart",
    "memory_interval": "memory_restart",
    "max_age_jitter": "max_age",
}
_DEFAULTS = {option: known.default for option, known in options_of(LimitedProcess).items()}


def settle_limits(reading: OptionReader, section: RawSection, common: dict[str, Any]) -> None:
    """Look its groups up, and complain about what cannot be meant."""
    common["gid"] = reading.gid(section, "user_group", common["user_group"])
    extra = [reading.gid(section, "supplementary_groups", name) for name in common["supplementary_groups"]]
    common["extra_gids"] = tuple(gid for gid in extra if gid is not None)
    for option, other in _ONLY_WITH.items():
        if common[other] is None and option in section.options and common[option] != _DEFAULTS[option]:
            reading.complain(
                section, option, f"without effect, as there is no {other}: take it out", severity="warning"
            )
    _compare(reading, section, common, "memory_high", "memory_max")
    most = common["memory_max"]
    wanted = common["memory_restart"]
    if wanted is not None and most is not None and most[0] != UNLIMITED and wanted >= most[0]:
        message = (
            f"it is never restarted for {show_size(wanted)}: with memory_max = {show_size(most[0])} the kernel ends it "
            "before: lower memory_restart"
        )
        reading.complain(section, "memory_restart", message, severity="warning")
    if common["rlimit_rss"] is not None:
        message = "Linux ignores this limit: memory_max limits the memory in use (cgroup v2): take it out"
        reading.complain(section, "rlimit_rss", message, severity="warning")


def _compare(reading: OptionReader, section: RawSection, common: dict[str, Any], low: str, high: str) -> None:
    """Warn of a lower limit that is never reached."""
    below, above = common[low], common[high]
    if below is None or above is None or UNLIMITED in (below[0], above[0]) or below[0] < above[0]:
        return
    message = f"{low} is never reached, as {high} is {show_size(above[0])}: lower {low}, or take it out"
    reading.complain(section, low, message, severity="warning")

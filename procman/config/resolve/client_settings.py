"""The settings of the client: `[supervisorctl]`, in TOML `[procmanctl]`."""

from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.options import options_of
from procman.config.schema.sections import Ctl


def read_ctl(reading: OptionReader) -> Ctl:
    """The settings of procmanctl. A mistake in them does not affect the master, so in INI it is only a warning."""
    section = reading.sections.sections.get("supervisorctl")
    if section is None:
        return Ctl()
    names = reading.names()
    values = {}
    for name, known in options_of(Ctl).items():
        offered = {**names, "here": reading.here} if name in ("serverurl", "history_file") else names
        values[name] = reading.option(section, name, known, offered, severity="error" if section.toml else "warning")
    if (values["serverurl"] or "").startswith("unix://"):
        values["serverurl"] = "unix://" + reading.machine.normal(values["serverurl"].removeprefix("unix://"))
    values["history_file"] = reading.machine.normal(values["history_file"]) if values["history_file"] else None
    return Ctl(**values)

"""Health checks that do more than one may think, or less. Only `procman check` looks for these."""

from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.readiness import warn_once
from procman.config.schema.configuration import Config


def warn_of_health(reading: OptionReader, config: Config) -> None:
    """Warn of what a health check brings about elsewhere, and of one that cannot be kept up."""
    for group in config.groups:
        for program in group.programs:
            section = reading.sections.sections[program.section]
            if program.health is None and program.watchdog is None:
                continue
            if program.health_level == "live":
                message = (
                    "while it is unhealthy /livez fails, so a kubelet that looks there restarts the whole container: "
                    "say health_level = ready if it is only to get no traffic"
                )
                warn_once(reading, section, "health_level", message)
            if program.health is not None and program.health_timeout > program.health_interval:
                message = (
                    f"a look may take {program.health_timeout:g} s, which is longer than health_interval "
                    f"({program.health_interval:g} s): what is late is skipped, so looks may be rarer than that"
                )
                warn_once(reading, section, "health_timeout", message)

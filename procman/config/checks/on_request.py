"""The checks that only `procman check` makes: a start finds these problems by itself, or they are only doubts."""

from procman.config.checks.access import warn_of_access
from procman.config.checks.background import warn_of_background
from procman.config.checks.doubtful_values import warn_of_doubts
from procman.config.checks.environment_sources import warn_of_environment_sources
from procman.config.checks.health import warn_of_health
from procman.config.checks.held_sockets import warn_of_looks_at_held_sockets
from procman.config.checks.hooks import warn_of_hooks
from procman.config.checks.limits import warn_of_limits
from procman.config.checks.paths import warn_of_commands, warn_of_places
from procman.config.checks.ports import warn_of_ports, warn_of_ready_ports
from procman.config.checks.restart_limits import warn_of_restart_limits
from procman.config.checks.watch import warn_of_watch
from procman.config.checks.without_effect import warn_of_what_has_no_effect
from procman.config.formats.files import is_toml
from procman.config.problems import Problem
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.configuration import Config

_WITH_PROGRAMS = ("program:", "fcgi-program:", "eventlistener:")


def check_on_request(reading: OptionReader, config: Config, path: str) -> None:
    """Make all of them."""
    warn_of_commands(reading, config)
    warn_of_hooks(reading, config)
    warn_of_places(reading, config)
    warn_of_ports(reading, config)
    warn_of_ready_ports(reading, config)
    warn_of_looks_at_held_sockets(reading, config)
    warn_of_environment_sources(reading, config)
    warn_of_background(reading, config)
    warn_of_restart_limits(reading, config)
    warn_of_what_has_no_effect(reading, config)
    warn_of_limits(reading, config)
    warn_of_health(reading, config)
    warn_of_access(reading, config)
    warn_of_watch(reading, config)
    _warn_of_emptiness(reading, path)
    warn_of_doubts(reading, config)


def _warn_of_emptiness(reading: OptionReader, path: str) -> None:
    """For TOML only: the [include] of an INI file may bring programs later."""
    sections = reading.sections.sections
    if is_toml(path) and not any(name.startswith(_WITH_PROGRAMS) for name in sections):
        message = 'the file has no program to run: add [program.NAME] with command = "…"'
        reading.add(Problem(path, None, None, None, message, "warning", "no-program"))

"""What the options of watched files mean for each other, and what they need."""

import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from procman.config.formats.raw import RawSection
from procman.config.resolve.hooks import once
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.groups import Group
from procman.config.schema.kinds.watch import OF_CONFIG, OF_ENVIRONMENT
from procman.config.schema.master import Master
from procman.system.shell_split import split_words

LIBRARY = "watchfiles"
_NEEDS_WATCH = ("watch_ignore", "watch_debounce", "watch_action", "watch_cascade")


def settle_watch(reading: OptionReader, section: RawSection, values: dict[str, Any]) -> None:
    """Find the files of @config; complain of what cannot be, and of what has no effect."""
    watch, action = values["watch"], values["watch_action"]
    if not watch:
        for option in _NEEDS_WATCH:
            if option in section.options:
                once(reading, section, option, ("it has no effect without watch: take it out", "other", "warning"))
        return
    if values["schedule"] is not None:
        message = "a program with a schedule runs at its times, and not when files change: take one of them out"
        once(reading, section, "watch", (message, "watch-with-schedule", "error"))
    if OF_CONFIG in watch:
        files = (section.file, *(raw.file for raw in section.options.values()))
        values["config_files"] = tuple(dict.fromkeys(map(os.path.abspath, filter(None, files))))
    if OF_ENVIRONMENT in watch and not (values["env_file"] or values["env_from"]):
        message = f"{OF_ENVIRONMENT} stands for nothing, as there is neither env_file nor env_from: take it out"
        once(reading, section, "watch", (message, "other", "warning"))
    if values["watch_cascade"] and action.what != "restart":
        message = f"with watch_action = {action.what} nothing is restarted: take it out"
        once(reading, section, "watch_cascade", (message, "other", "warning"))
    try:
        split_words(action.command)
    except ValueError as error:
        message = f"the command cannot be split into words: {error}: close the quote"
        once(reading, section, "watch_action", (message, "bad-watch-action", "error"))


def require_library(reading: OptionReader, master: Master, groups: Iterable[Group]) -> None:
    """Complain where files are to be watched and the library for that is not there."""
    watching = dict.fromkeys(program.section for group in groups for program in group.programs if program.watch)
    if not watching or master.no_watch or reading.machine.is_assumed or find_spec(LIBRARY) is not None:
        return
    message = (
        f"files are watched by the library {LIBRARY}, which is not installed: pip install 'procman[watch]', take watch "
        "out, or start procman with --no-watch"
    )
    for name in watching:
        reading.complain(reading.sections.sections[name], "watch", message, "no-watchfiles")

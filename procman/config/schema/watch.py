"""The options of a program that is restarted when files change. Plain facts in here: no I/O."""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.health import HealthOptions
from procman.config.schema.options import Effect, option
from procman.core.spec import WatchAction

DEBOUNCE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class WatchOptions(HealthOptions):
    """A part of `schema.programs.Program`."""

    config_files: tuple[str, ...] = ()  # what @config means for it, where that is watched

    watch: tuple[str, ...] = option(
        kinds.WATCH,
        "Files whose change restarts it, separated by commas, or a list in TOML; they begin at directory. src/**/*.py "
        "(** is any number of folders), *.py (files of that name in directory and all folders below), conf/ (all in "
        "that folder and below), @config (the files that this program is defined in), @env (those of env_file and "
        "env_from). Needs procman[watch].",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    watch_ignore: tuple[str, ...] = option(
        kinds.WATCH_IGNORE,
        "Files and folders whose changes do not count: a pattern with a / is compared with the path from directory on, "
        "one without with each name in it. Logs, sockets and pid files of procman never count; .git, node_modules, "
        "__pycache__, .venv, target, dist, build and the like, and the swap and backup files of editors do not, unless "
        "watch names them.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    watch_debounce: float = option(
        kinds.DURATION,
        "How long no file may have changed before something is done; after 10 times that, it is done in any case.",
        default=DEBOUNCE,
        effect=Effect.NONE,
    )
    watch_action: WatchAction = option(
        kinds.WATCH_ACTION,
        "What is done when files have changed: restart, reload (it reads its configuration again, as its option reload "
        "says), a signal such as signal:HUP, or exec:COMMAND. One that has failed or ended is started again.",
        default=WatchAction(),
        effect=Effect.NONE,
    )
    watch_cascade: bool = option(
        kinds.BOOLEAN,
        "Restart what depends on it, too, where it is restarted for a change.",
        default=False,
        effect=Effect.NONE,
    )

"""`procman` without a command: runs the master, or continues it after an upgrade."""

from procman.cli.procman_commands.config_file import config_file
from procman.daemon.bootstrap import restore, run


def start(given: dict[str, str]) -> int:
    """Run the master in this process; the exit status."""
    path = config_file(given.pop("configuration", None))
    allow_writable = given.pop("allow_writable_config", "") == "true"
    return run(path, given, allow_writable=allow_writable)


def resume(handed: str) -> int:
    """Continue a master that has executed this program, or check for it whether that would succeed."""
    return restore(handed)

"""procmanctl -- control programs run by procman from the command line.

Usage: procmanctl [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- the master's configuration file (searched for if not given)
-s/--serverurl URL -- where the master listens: unix:///path/to/socket or http://host:port
     (as the configuration file says, if not given)
-u/--username USERNAME -- username to use for authentication with the master
-p/--password PASSWORD -- password to use for authentication with the master
-r/--history-file FILENAME -- keep a readline history
-i/--interactive -- start an interactive shell after executing commands
--json -- print one JSON object instead of text (a stream: one object a line); also after an action
--version -- print the version of procmanctl and exit
-h/--help -- print this message and exit

Actions are commands like "tail" or "stop".  If -i is specified or no action is
specified on the command line, a "shell" interpreting actions typed
interactively is started.  Use the action "help" to find out about available
actions.  Names are NAME, GROUP:NAME, GROUP:*, all, or a pattern like 'web*'.

Exit status: that of supervisorctl. 0 success; 1 an error; 2 bad usage; 3 status: something is not running;
4 status: unknown name or no master; 4 or 7 no master; 7 the program is not running or did not start.
"""

from __future__ import annotations

import os
import sys

from procman import __version__
from procman.cli import address, ctl_session
from procman.errors import BadRequest, ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # what a shell shows for SIGINT
_BROKEN_PIPE = 141  # and for SIGPIPE

_OPTIONS = {
    "-c": "config_file",
    "--configuration": "config_file",
    "-s": "url",
    "--serverurl": "url",
    "-u": "username",
    "--username": "username",
    "-p": "password",
    "--password": "password",
    "-r": "history_file",
    "--history-file": "history_file",
    "--history_file": "history_file",
}
_FLAGS = {
    "-i": "interactive",
    "--interactive": "interactive",
    "-h": "help",
    "-?": "help",
    "--help": "help",
    "--json": "json",
    "--version": "version",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run procmanctl; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return _BROKEN_PIPE
    except ProcmanError as error:
        return _refuse(str(error), words)
    except OSError as error:
        _forget_output()
        sys.stderr.write(f"Error: cannot go on: {error}\n")
        return ctl_session.GENERIC


def _run(argv: list[str]) -> int:
    flags, given, words = _read_options(argv)
    if "help" in flags:
        print(__doc__.strip())
        return ctl_session.SUCCESS
    if "version" in flags:
        print(f"procmanctl {__version__}")
        return ctl_session.SUCCESS
    interactive = "interactive" in flags or not words
    settings = address.find(
        url=given.get("url"),
        config_file=given.get("config_file"),
        username=given.get("username"),
        password=given.get("password"),
        history_file=given.get("history_file"),
    )
    session = ctl_session.Session(settings, as_json="json" in flags, interactive=interactive)
    try:
        if words:
            session.run(" ".join(words))
        status = session.exitstatus
        if interactive:
            from procman.cli import shell  # noqa: PLC0415 - one command does not need it

            shell.run(session)
    finally:
        session.close()
    return status


def _read_options(argv: list[str]) -> tuple[set[str], dict[str, str], list[str]]:
    """Flags, options with a value, and the words from the first that is neither."""
    if not argv or not argv[0].startswith("-"):
        return set(), {}, argv
    # getopt, as in supervisorctl: its rules (-cFILE, --conf=FILE) and its messages; argparse would take 3 ms more.
    from getopt import GetoptError, getopt  # noqa: PLC0415 - most calls have no options

    short = "".join(f"{name[1]}:" for name in _OPTIONS if name[1] != "-") + "ih?"
    long = [f"{name[2:]}=" for name in _OPTIONS if name[1] == "-"] + [name[2:] for name in _FLAGS if name[1] == "-"]
    try:
        options, words = getopt(argv, short, long)
    except GetoptError as error:
        raise BadRequest(str(error)) from None
    flags: set[str] = set()
    given: dict[str, str] = {}
    for option, value in options:
        if option in _FLAGS:
            flags.add(_FLAGS[option])
            continue
        name = _OPTIONS[option]
        if name in given:
            raise BadRequest(f"conflicting command line option {option!r}")
        if name == "url" and not value.startswith(("unix://", "http://")):
            raise BadRequest(f"invalid value for {option} {value!r}: value {value!r} is not a URL")
        given[name] = value
    return flags, given, words


def _refuse(message: str, argv: list[str]) -> int:
    """Bad usage, or a configuration that cannot be read."""
    if "--json" in argv:
        import json  # noqa: PLC0415 - here or in the session, it is the same

        print(json.dumps({"errors": [{"code": "BAD_ARGUMENTS", "message": message}]}))
    else:
        sys.stderr.write(f"Error: {message}\nFor help, use procmanctl -h\n")
    return ctl_session.INVALID_ARGS


def _forget_output() -> None:
    """Let the interpreter's own flush at exit find something that takes what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

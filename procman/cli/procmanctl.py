"""`procmanctl`: asks a running master, one command at a time or as a shell. Statuses and words are supervisorctl's."""

from __future__ import annotations

import os
import sys

from procman import __version__
from procman.cli import session as ctl_session
from procman.cli.flags import HELP, Flag, read, table
from procman.cli.standard_streams import open_missing
from procman.client import address
from procman.errors import BadRequest, ProcmanError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # what a shell shows for SIGINT
_BROKEN_PIPE = 141  # and for SIGPIPE

FLAGS = (
    Flag(
        "config_file",
        "-c --configuration",
        "the master's configuration file (searched for if not given)",
        metavar="FILENAME",
    ),
    Flag(
        "url",
        "-s --serverurl",
        "where the master listens: unix:///path/to/socket or http://host:port (as the configuration file says, if not "
        "given)",
        metavar="URL",
    ),
    Flag("username", "-u --username", "the user name to send to the master", metavar="USERNAME"),
    Flag("password", "-p --password", "the password to send to the master", metavar="PASSWORD"),
    Flag(
        "history_file",
        "-r --history-file",
        "where the shell keeps what was typed",
        metavar="FILENAME",
        hidden="--history_file",
    ),
    Flag("interactive", "-i --interactive", "be a shell, after the command if there is one"),
    Flag(
        "json",
        "--json",
        "print one JSON object instead of text (a stream: one object a line); this one may also follow the command",
    ),
    Flag("version", "--version", "print the version of procmanctl and exit"),
    HELP,
)

_HELP = """\
procmanctl -- control programs that procman runs

Usage: procmanctl [flags] [command [arguments]]

{flags}

Commands are words like "tail" or "stop"; "procmanctl help" lists them, "procmanctl help tail" (or "tail --help")
explains one. Without a command it is a shell that reads commands. Names are NAME, GROUP:NAME, GROUP:*, all, or a
pattern like 'web*'.

Ours alone: "status --long" shows what each process uses, "update --dry-run" what an update would do, "health" whether
everything is up that should be, "stop-plan" how long a shutdown takes at worst ("--budget 10s": and what would make it
fit), "config" the options in effect and where each is from, "upgrade" has the master go on with the procman that is
installed now, while all programs run on.

Exit status: that of supervisorctl. 0 success; 1 an error; 2 bad usage; 3 status: something is not running;
4 status: unknown name or no master; 4 or 7 no master; 7 the program is not running or did not start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run procmanctl; the exit status."""
    if argv is None:
        open_missing()
    words = [_as_utf8(word) for word in sys.argv[1:]] if argv is None else list(argv)
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


def _as_utf8(word: str) -> str:
    """A name as the terminal has it, whatever the locale says of letters beyond ASCII."""
    if word.isascii() or sys.getfilesystemencoding() == "utf-8":
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeDecodeError:
        return word


def _run(argv: list[str]) -> int:
    given, words = read(FLAGS, argv)
    if "help" in given:
        print(_HELP.format(flags=table(FLAGS)))
        return ctl_session.SUCCESS
    if "version" in given:
        print(__version__)
        return ctl_session.SUCCESS
    _check_url(given.get("url"))
    interactive = "interactive" in given or not words
    line = " ".join(words)
    if ctl_session.asks_for_help(line) and not interactive:
        # No file has to be good for that.
        settings = address.Settings()
    else:
        settings = address.find(
            url=given.get("url"),
            config_file=given.get("config_file"),
            username=given.get("username"),
            password=given.get("password"),
            history_file=given.get("history_file"),
            live=words[:2] == ["health", "--live"],
        )
    session = ctl_session.Session(settings, as_json="json" in given, interactive=interactive)
    try:
        if words:
            session.run(line)
        status = session.exitstatus
        if interactive:
            from procman.cli import shell  # noqa: PLC0415 - one command does not need it

            shell.run(session)
    finally:
        session.close()
    return status


def _check_url(url: str | None) -> None:
    if url is not None and not url.startswith(("unix://", "http://")):
        raise BadRequest(f"invalid value for -s {url!r}: value {url!r} is not a URL")


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

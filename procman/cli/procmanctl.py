"""`procmanctl`: commands for a running master, one at a time or in a shell, with supervisorctl's texts and statuses."""

import json
import os
import sys
from collections.abc import Sequence

from procman import __version__
from procman.cli import dispatch
from procman.cli.flags import read
from procman.cli.invocation import GENERIC, INVALID_ARGS, SUCCESS, Invocation
from procman.cli.procmanctl_commands import SHELL, USAGE, asks_for_help, load
from procman.cli.procmanctl_flags import FLAGS
from procman.cli.standard_streams import open_missing
from procman.client import address
from procman.client.tls_files import TlsFiles
from procman.errors import BadRequest, ProcmanError

_INTERRUPTED = 130  # what a shell shows for SIGINT
_BROKEN_PIPE = 141  # and for SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run procmanctl; returns the exit status."""
    if argv is None:
        open_missing()
    words = [_as_utf8(word) for word in sys.argv[1:]] if argv is None else list(argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return _BROKEN_PIPE
    except ProcmanError as error:
        return _refuse(str(error), words)
    except OSError as error:
        _discard_output()
        sys.stderr.write(f"Error: cannot go on: {error}\n")
        return GENERIC


def _as_utf8(word: str) -> str:
    """Decode an argument as UTF-8, whatever the locale."""
    if word.isascii() or sys.getfilesystemencoding() == "utf-8":
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeDecodeError:
        return word


def _run(argv: list[str]) -> int:
    given, words = read(FLAGS, argv)
    if "help" in given:
        print(load(USAGE)())
        return SUCCESS
    if "version" in given:
        print(__version__)
        return SUCCESS
    _check_url(given.get("url"))
    interactive = "interactive" in given or not words
    line = " ".join(words)
    if asks_for_help(line) and not interactive:
        # Help needs no configuration file.
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
    settings.token = address.read_token(given.get("token_file"))
    if any(name in given for name in ("cacert", "cert", "key")):
        settings.tls = TlsFiles(given.get("cacert"), given.get("cert"), given.get("key"))
    invocation = Invocation(settings, as_json="json" in given, interactive=interactive)
    try:
        if interactive:
            return int(load(SHELL)(invocation, words))
        dispatch.run(invocation, line, words)
        return invocation.exitstatus
    finally:
        invocation.close()


def _check_url(url: str | None) -> None:
    if url is not None and not url.startswith(("unix://", "http://", "https://")):
        raise BadRequest(f"invalid value for -s {url!r}: value {url!r} is not a URL")


def _refuse(message: str, argv: list[str]) -> int:
    """Report bad usage, or a configuration that cannot be read."""
    if "--json" in argv:
        print(json.dumps({"errors": [{"code": "BAD_ARGUMENTS", "message": message}]}))
    else:
        sys.stderr.write(f"Error: {message}\nFor help, use procmanctl -h\n")
    return INVALID_ARGS


def _discard_output() -> None:
    """Redirect stdout, so that the interpreter's flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

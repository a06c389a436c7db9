"""`procman`: runs the master in the foreground; `procman check` and `procman schema` look at a file without running it.

Bad usage and bad configuration end with status 2 and one line for each problem, never with a traceback.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from procman import __version__
from procman.config.find import SEARCH, find_config
from procman.config.machine import Assumptions
from procman.errors import ProcmanError

OK = 0
BAD_USAGE = 2

# supervisord's flags for options of [supervisord], which win over the file: (flags, option, metavar, help).
_OVERRIDES = (
    (("-u", "--user"), "user", "USER", "run as this user (or numeric id)"),
    (("-m", "--umask"), "umask", "UMASK", "use this umask for the master and its programs"),
    (("-d", "--directory"), "directory", "DIRECTORY", "change to this directory"),
    (("-l", "--logfile"), "logfile", "FILENAME", "the master's own log"),
    (("-y", "--logfile_maxbytes"), "logfile_maxbytes", "BYTES", "rotate it at this size"),
    (("-z", "--logfile_backups"), "logfile_backups", "NUM", "keep this many old ones"),
    (("-e", "--loglevel"), "loglevel", "LEVEL", "critical, error, warn, info, debug, trace or blather"),
    (("-j", "--pidfile"), "pidfile", "FILENAME", "write the pid there"),
    (("-i", "--identifier"), "identifier", "STR", "the name of this master"),
    (("-q", "--childlogdir"), "childlogdir", "DIRECTORY", "where AUTO logs of programs go"),
    (("-a", "--minfds"), "minfds", "NUM", "have at least this many file descriptors"),
    (("--minprocs",), "minprocs", "NUM", "have at least this many processes"),
)
_FLAGS = (
    (("-n", "--nodaemon"), "nodaemon", "run in the foreground (procman always does)"),
    (("-s", "--silent"), "silent", "no log on stdout"),
    (("-k", "--nocleanup"), "nocleanup", "keep the AUTO logs of an earlier run"),
    (("-t", "--strip_ansi"), "strip_ansi", "take terminal colours out of the programs' logs"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in _COMMANDS:
            return _COMMANDS[arguments[0]](arguments[1:])
        return _run(arguments)
    except ProcmanError as error:
        print(f"procman: {error}", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:
        # Whoever read has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return OK
    except KeyboardInterrupt:
        return 130


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="procman",
        description="Run the programs of a configuration file (INI or TOML), and keep them running.",
        epilog="Other commands: procman check (what is wrong with a file), procman schema (the JSON schema of the TOML "
        "form). `procmanctl help` lists what can be asked of a running master.",
        allow_abbrev=False,
    )
    _add_file(parser)
    parser.add_argument("-v", "--version", action="version", version=__version__)
    for flags, option, metavar, text in _OVERRIDES:
        parser.add_argument(*flags, dest=option, metavar=metavar, help=text)
    for flags, option, text in _FLAGS:
        parser.add_argument(*flags, dest=option, action="store_const", const="true", help=text)
    given = vars(parser.parse_args(arguments))
    path = _file(given.pop("configuration"))
    from procman.master import run  # noqa: PLC0415 - asyncio and all the rest: not for --help and check

    return run(path, {option: text for option, text in given.items() if text is not None})


def _check(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="procman check", description="Say everything that is wrong with a configuration file; run nothing."
    )
    _add_file(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object: what the file means, and its problems")
    parser.add_argument("--assume", metavar="FILE.json", help="check as if on the machine that this file describes")
    given = parser.parse_args(arguments)
    path = _file(given.configuration)
    import json  # noqa: PLC0415 - only here

    from procman.config.check import report  # noqa: PLC0415 - only here
    from procman.config.load import read  # noqa: PLC0415 - only here

    assume = _assumptions(given.assume) if given.assume else None
    if given.json:
        answer = report(path, assume)
        print(json.dumps(answer, ensure_ascii=False))
        return OK if answer["ok"] else BAD_USAGE
    loaded = read(path, assume=assume)
    for problem in sorted(loaded.problems, key=lambda problem: (problem.file, problem.line or 0)):
        print(f"{problem} (warning)" if problem.severity == "warning" else problem)
    if loaded.config is None:
        errors = sum(problem.severity == "error" for problem in loaded.problems)
        warnings = _count(len(loaded.problems) - errors, "warning", "warnings")
        print(f"{path}: cannot be used; {_count(errors, 'error', 'errors')}, {warnings}")
        return BAD_USAGE
    groups = loaded.config.groups
    processes = sum(len(group.programs) for group in groups)
    print(f"{path}: good; {_count(processes, 'process', 'processes')} in {_count(len(groups), 'group', 'groups')}")
    return OK


def _assumptions(path: str) -> Assumptions:
    import json  # noqa: PLC0415 - only here

    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise ProcmanError(f"cannot read {path}: {error.strerror}; name a file with --assume") from None
    except ValueError as error:
        raise ProcmanError(f"cannot read {path}: {error}; expected a JSON object") from None
    # A whole answer, such as `check --json` of the other machine gives, holds it inside.
    return Assumptions.from_json(content.get("assumed", content) if isinstance(content, dict) else content)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _schema(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="procman schema", description="Print the JSON schema of the TOML form, for editors and validators."
    )
    parser.parse_args(arguments)
    import json  # noqa: PLC0415 - only here

    from procman.config.describe import schema  # noqa: PLC0415 - only here

    print(json.dumps(schema(), indent=2))
    return OK


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--configuration", metavar="FILE", help=f"the configuration; without it the first of {', '.join(SEARCH)}"
    )


def _file(given: str | None) -> str:
    path = given or find_config()
    if path is None:
        raise ProcmanError(
            f"cannot find a configuration file: none of {', '.join(SEARCH)} is there; name one with -c FILE"
        )
    return path


_COMMANDS: dict[str, Callable[[list[str]], int]] = {"check": _check, "schema": _schema}

if __name__ == "__main__":
    sys.exit(main())

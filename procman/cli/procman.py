"""`procman`: runs the master in the foreground; `procman check` and `procman schema` look at a file without running it.

Bad usage and bad configuration end with status 2 and one line for each problem, never with a traceback.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from procman import __version__
from procman.cli.flags import HELP, Flag, read, table
from procman.cli.standard_streams import open_missing
from procman.config.assumptions import Assumptions
from procman.config.discovery import SEARCH, find_config
from procman.daemon.handover import VARIABLE
from procman.errors import BadRequest, ProcmanError

if TYPE_CHECKING:
    from procman.api.shapes import StopPlanInfo

OK = 0
DOES_NOT_FIT = 1  # a stop plan in its budget
BAD_USAGE = 2

# The commands that see to signals themselves: the master, and `procman run`.
TAKE_SIGNALS = ("", "run")

_FILE = Flag(
    "configuration",
    "-c --configuration",
    "the configuration file: TOML if its name ends in .toml, else INI (searched for if not given)",
    metavar="FILE",
)

_PIDFILE = Flag("pidfile", "-j --pidfile", "the pid file of the master", metavar="FILE")

_DAEMON = Flag("daemon", "--daemon", "go to the background; exit when the daemon is up, or say why it cannot be")

_ALLOW_WRITABLE = Flag(
    "allow_writable_config",
    "--allow-writable-config",
    "as root, take a configuration that others may write: whoever may can then run anything as root",
)

# supervisord's flags for options of [supervisord], which win over the file. Their keys are the options' names.
_OVERRIDES = (
    Flag("nodaemon", "-n --nodaemon", "stay in the foreground, also where the file says daemon = true"),
    Flag("silent", "-s --silent", "no log on stdout"),
    Flag("user", "-u --user", "become this user (a name or a number) before anything is started", metavar="USER"),
    Flag("umask", "-m --umask", "the umask of the master and its programs, octal", metavar="UMASK"),
    Flag("directory", "-d --directory", "change to this directory", metavar="DIRECTORY"),
    Flag("logfile", "-l --logfile", "the master's own log", metavar="FILENAME"),
    Flag("logfile_maxbytes", "-y --logfile_maxbytes", "rotate that log at this size (0: never)", metavar="BYTES"),
    Flag("logfile_backups", "-z --logfile_backups", "keep this many old ones", metavar="NUM"),
    Flag("loglevel", "-e --loglevel", "critical, error, warn, info, debug, trace or blather", metavar="LEVEL"),
    Flag("pidfile", "-j --pidfile", "write the pid there", metavar="FILENAME"),
    Flag("identifier", "-i --identifier", "the name of this master", metavar="STR"),
    Flag("childlogdir", "-q --childlogdir", "where the AUTO logs of programs go", metavar="DIRECTORY"),
    Flag("nocleanup", "-k --nocleanup", "keep the AUTO logs of an earlier run"),
    Flag("minfds", "-a --minfds", "have at least this many file descriptors", metavar="NUM"),
    Flag("strip_ansi", "-t --strip_ansi", "take terminal colours out of what the programs write to their logs"),
    Flag("minprocs", "--minprocs", "have at least this many processes", metavar="NUM"),
)


class Command(NamedTuple):
    """`procman` itself, or `procman WORD`."""

    function: Callable[[dict[str, str]], int]
    flags: tuple[Flag, ...]
    about: str
    words: str = ""  # what may follow the flags


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit status."""
    if argv is None:
        open_missing()
        _speak_utf8()
        _look_there_last()
    handed = os.environ.pop(VARIABLE, None) if argv is None else None
    if handed is not None:
        return _resume(handed)
    arguments = list(sys.argv[1:] if argv is None else argv)
    name, arguments = _named(arguments)
    try:
        return _carry_out(name, arguments)
    except BadRequest as error:
        print(f"Error: {error}\nFor help, use {_called(name)} -h", file=sys.stderr)
        return BAD_USAGE
    except ProcmanError as error:
        print(f"procman: {error}", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:
        # Whoever read has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return OK
    except OSError as error:
        if error.errno == errno.ENOENT and not _is_somewhere():
            reason = "the current directory was removed; change to one that is there"
        elif error.errno == errno.ENOSPC:
            # Python would try once more when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            reason = str(error)
        else:
            raise
        print(f"procman: cannot go on: {reason}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        return 130


def _speak_utf8() -> None:
    """Begin anew where the locale has other letters: names and commands are passed on as the file has them."""
    if not sys.flags.utf8_mode and sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - what runs here


def _look_there_last() -> None:
    """Find a result_handler where PYTHONPATH says, but never a module of procman's own."""
    if sys.flags.ignore_environment and _is_somewhere():
        sys.path += map(os.path.abspath, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _resume(handed: str) -> int:
    """A master has executed this to go on in it, or to see whether that would go well."""
    try:
        from procman.daemon.bootstrap import restore  # noqa: PLC0415 - as in _run

        return restore(handed)
    except ProcmanError as error:
        print(f"procman: {error}", file=sys.stderr)
        return BAD_USAGE


def _named(arguments: list[str]) -> tuple[str, list[str]]:
    """Which command: the first two words, the first, or none; and what follows."""
    for length in (2, 1):
        name = " ".join(arguments[:length])
        if len(arguments) >= length and name in COMMANDS:
            return name, arguments[length:]
    return "", arguments


def _carry_out(name: str, arguments: list[str]) -> int:
    command = COMMANDS[name]
    given, words = read(command.flags, arguments)
    if "help" in given:
        print(usage(name))
        return OK
    if "version" in given:
        print(__version__)
        return OK
    if words and command.words:
        given["words"] = "\0".join(words)
    elif words:
        raise BadRequest(f"positional arguments are not supported: {words}{_meant(name, command, words)}")
    if os.getpid() == 1 and name not in TAKE_SIGNALS:
        # Nobody waits for what `start` has held back.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return command.function(given)


def _meant(name: str, command: Command, words: list[str]) -> str:
    """What somebody may have had in mind who has written these words; '' where that cannot be guessed."""
    from procman.cli.unknown_words import meant  # noqa: PLC0415 - only needed when something is wrong

    others = [other.removeprefix(name).lstrip() for other in COMMANDS if other.startswith(name) and other != name]
    return meant(name, words, others, takes_file=_FILE in command.flags)


def usage(name: str) -> str:
    """What `-h` says of a command; "" is `procman` alone."""
    command = COMMANDS[name]
    parts = [
        f"{_called(name)} -- {command.about}",
        f"Usage: {_called(name)} [flags] {command.words}".rstrip(),
        table(command.flags),
    ]
    if not name:
        parts.append("The file is the first that is there of " + ", ".join(SEARCH) + ".")
        others = [f"{_called(other)} -- {COMMANDS[other].about}" for other in COMMANDS if other]
        parts.append("\n".join([*others, "procmanctl help -- list what can be asked of a running master"]))
    return "\n\n".join(parts)


def _called(name: str) -> str:
    return f"procman {name}".rstrip()


def _run(given: dict[str, str]) -> int:
    path = _file(given.pop("configuration", None))
    from procman.daemon.bootstrap import run  # noqa: PLC0415 - asyncio and all the rest: not for --help and check

    allow_writable = given.pop("allow_writable_config", "") == "true"
    return run(path, given, allow_writable=allow_writable)


def _check(given: dict[str, str]) -> int:
    path = _file(given.get("configuration"))
    import json  # noqa: PLC0415 - only here

    from procman.cli.render import safe  # noqa: PLC0415 - only here
    from procman.cli.stop_plan_text import lines  # noqa: PLC0415 - only here
    from procman.config.load import read as read_file  # noqa: PLC0415 - only here
    from procman.config.report import report  # noqa: PLC0415 - only here
    from procman.config.stop_plan import compare, read_duration, stop_plan, to_json  # noqa: PLC0415 - only here

    assume = _assumptions(given["assume"]) if "assume" in given else None
    budget = read_duration(given["budget"]) if "budget" in given else None
    if "json" in given:
        answer = report(path, assume, budget)
        print(json.dumps(answer, ensure_ascii=False))
        if not answer["ok"]:
            return BAD_USAGE
        return OK if budget is None or answer["stop_plan"]["budgets"][0]["fits"] else DOES_NOT_FIT
    loaded = read_file(path, assume=assume, places=True)
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
    plan = stop_plan(loaded.config)
    verdicts = compare(plan, budget)
    print("\n".join(map(safe, lines(cast("StopPlanInfo", to_json(plan, verdicts))))))
    return OK if budget is None or verdicts[0].fits else DOES_NOT_FIT


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


def _schema(_: dict[str, str]) -> int:
    import json  # noqa: PLC0415 - only here

    from procman.config.schema.reference import schema  # noqa: PLC0415 - only here

    print(json.dumps(schema(), indent=2))
    return OK


def _export(to: str, given: dict[str, str]) -> int:
    from procman.cli.export import export  # noqa: PLC0415 - only here

    assume = _assumptions(given["assume"]) if "assume" in given else None
    export(_file(given.get("configuration")), to, given, assume)
    return OK


def _by_pidfile(what: str, given: dict[str, str]) -> int:
    from procman.cli import pidfile_commands as by_pidfile  # noqa: PLC0415 - only here

    return {"stop": by_pidfile.stop, "reload": by_pidfile.reload, "status": by_pidfile.status}[what](given)


def _run_one(given: dict[str, str]) -> int:
    from procman.cli.run import run_command  # noqa: PLC0415 - only here

    return run_command(given)


def _export_nowhere(_: dict[str, str]) -> int:
    raise BadRequest("cannot export without a word for where to: kubernetes, compose or systemd")


def _file(given: str | None) -> str:
    path = given or find_config()
    if path is None:
        raise ProcmanError(
            f"cannot find a configuration file: none of {', '.join(SEARCH)} is there; name one with -c FILE"
        )
    return path


_EXPORT_FLAGS = (
    _FILE,
    Flag("split", "--split", "a container, or a unit, for each program, and no procman"),
    Flag("output", "-o --output", "write there instead of to stdout: a file, or a folder", metavar="FILE|DIR"),
    Flag("name", "--name", "what to call the whole (as the file is called)", metavar="NAME"),
    Flag("image", "--image", "the image of the containers (the name)", metavar="IMAGE"),
    Flag("assume", "--assume", "read the file as if on the machine that this one describes", metavar="FILE.json"),
    HELP,
)

_RUN_FLAGS = (
    Flag("to_group", "-g --group", "pass signals on to the whole process group of the program"),
    Flag(
        "rewrite",
        "-r --rewrite",
        "pass signal A on as B, or with 0 not at all: 15:3, TERM:QUIT",
        metavar="A:B",
        many=True,
    ),
    Flag("restart", "--restart", "start it again when it ends: always, on-failure, or never", metavar="WHEN"),
    Flag(
        "kill_after",
        "-k --kill-after",
        "SIGKILL that long after a stop signal that was passed on, and so (as PID 1) to what is left of it",
        metavar="DURATION",
    ),
    Flag("good", "-e --expect", "exit with 0 when the program exits with CODE", metavar="CODE", many=True),
    Flag("background", "-d --background", "become a daemon; exits when the program has been started, or cannot be"),
    Flag(
        "wait",
        "--wait",
        "with -d: exit when the program has been up for so long, or has ended (1 second; 0: when it has been started)",
        metavar="DURATION",
    ),
    Flag("log", "-o --log", "append what the program writes to this file", metavar="FILE"),
    Flag("pidfile", "--pidfile", "write the pid there, and keep others from starting with the same", metavar="FILE"),
    Flag("user", "-u --user", "become this user (a name or a number)", metavar="USER"),
    Flag(
        "umask",
        "-m --umask",
        "the umask of the program, the log and the pid file, octal (the one it is started with)",
        metavar="UMASK",
    ),
    Flag("chdir", "-C --chdir", "change to this directory", metavar="DIR"),
    Flag("env", "-E --env", "set a variable for the program", metavar="NAME=VALUE", many=True),
    Flag("parent_signal", "-p --parent-signal", "be sent this signal when the parent dies", metavar="SIGNAL"),
    Flag("subreaper", "-s", "be the parent of orphans (procman always is)"),
    Flag("single_child", "-c --single-child", "signals for the program alone (the default)"),
    Flag("verbose", "-v --verbose", "say on stderr what is done", hidden="-w"),
    Flag("version", "-V --version", "print the version and exit"),
    HELP,
)

COMMANDS = {
    "": Command(
        _run,
        (
            _FILE,
            _DAEMON,
            _ALLOW_WRITABLE,
            *_OVERRIDES,
            Flag("version", "-v --version", "print the version and exit"),
            HELP,
        ),
        "run the programs of a configuration file, and keep them running",
    ),
    "check": Command(
        _check,
        (
            _FILE,
            Flag("json", "--json", "print one JSON object: what the file means, and its problems"),
            Flag(
                "budget",
                "--budget",
                "how long a stop may take, such as 10s or 1m30s: end with status 1 where it may take longer, and say "
                "what would have to change",
                metavar="DURATION",
            ),
            Flag("assume", "--assume", "check as if on the machine that this file describes", metavar="FILE.json"),
            HELP,
        ),
        "say everything that is wrong with a configuration file; run nothing",
    ),
    "export": Command(_export_nowhere, (HELP,), "write a configuration for another engine; see the following three"),
    "export kubernetes": Command(partial(_export, "kubernetes"), _EXPORT_FLAGS, "write a Kubernetes Deployment"),
    "export compose": Command(partial(_export, "compose"), _EXPORT_FLAGS, "write a compose file for docker or podman"),
    "export systemd": Command(partial(_export, "systemd"), _EXPORT_FLAGS, "write systemd units"),
    "run": Command(
        _run_one,
        _RUN_FLAGS,
        "run one program without a configuration: as PID 1 of a container, as a daemon, or kept running",
        "-- COMMAND [ARGUMENT]...",
    ),
    "stop": Command(
        partial(_by_pidfile, "stop"),
        (
            _PIDFILE,
            Flag("timeout", "-t --timeout", "do not wait longer than that for its end", metavar="DURATION"),
            HELP,
        ),
        "stop the master that holds a pid file, and wait for its end",
    ),
    "reload": Command(
        partial(_by_pidfile, "reload"),
        (_PIDFILE, HELP),
        "have the master that holds a pid file begin anew with its configuration",
    ),
    "status": Command(
        partial(_by_pidfile, "status"),
        (_PIDFILE, HELP),
        "say whether the master that holds a pid file runs (exit status 3 where it does not)",
    ),
    "schema": Command(_schema, (HELP,), "print the JSON schema of the TOML form, for editors and validators"),
}

if __name__ == "__main__":
    sys.exit(main())

"""`procman run -- COMMAND …`: runs one program without a configuration, in the foreground or as a daemon."""

import os
import pwd
import sys
from dataclasses import replace
from typing import Literal, TypeVar, cast

from procman.config.schema.kinds import OCTAL, SECONDS
from procman.config.schema.options import Kind, Unfit
from procman.entrypoint.run_spec import NOT_PASSED_ON, CannotRun, RunSpec
from procman.entrypoint.supervisor import run as supervise
from procman.errors import BadRequest, ProcmanError
from procman.system.daemonize import start_daemon
from procman.system.pidfile import PidFile
from procman.system.privileges import drop_privileges
from procman.system.safe_open import open_log
from procman.system.signals import disinherit, signal_name, signal_number
from procman.system.subreaper import become_subreaper, die_with_parent

T = TypeVar("T")

BAD_USAGE = 2
EXIT_MAX = 255
# How long a program in the background is watched before the command returns, in seconds.
WAIT = 1.0
RESTARTS = ("never", "on-failure", "always")


def run(given: dict[str, str]) -> int:
    """Run the command; returns its exit status."""
    words = _many(given, "words")
    if not words:
        raise BadRequest("there is no command to run: write it after --, as in procman run -- sleep 10")
    spec = _spec(given, words)
    uid = _uid(given["user"]) if "user" in given else None
    # Signals that PID 1 got so far stay pending until they can be passed on.
    disinherit(unblock=os.getpid() != 1)
    # Before this process changes its directory, to which relative names refer.
    pidfile = os.path.abspath(given["pidfile"]) if "pidfile" in given else None
    # The umask applies to the log and the pid file too.
    umask = _take_umask(given)
    log = os.path.abspath(given["log"]) if "log" in given else None
    output = _open_log(log) if log is not None else None
    readiness = None
    if "background" in given:
        _change_directory(given)
        # The daemon itself changes to /, the program runs in the requested directory.
        spec = replace(spec, directory=os.getcwd())
        readiness = start_daemon(umask=umask, output=output)
    elif output is not None:
        _write_to(output)
    held: PidFile | None = None
    try:
        held = PidFile.take(pidfile, option="--pidfile") if pidfile is not None else None
        _become(given, uid, in_background=readiness is not None)

        def started(remark: str) -> None:
            if readiness is not None:
                readiness.ready(remark)

        status = supervise(spec, started, _say if "verbose" in given else lambda _: None)
    except ProcmanError as error:
        status = error.status if isinstance(error, CannotRun) else BAD_USAGE
        if readiness is None or not readiness.failed(str(error), status):
            print(f"procman: {error}", file=sys.stderr)
        return status
    finally:
        if held is not None:
            held.release()
    if readiness is not None:
        # This has no effect if the program was reported as started.
        readiness.ended(_early_end(spec, status, log), status)
    return status


def _spec(given: dict[str, str], words: list[str]) -> RunSpec:
    environment = dict(os.environ)
    for pair in _many(given, "env"):
        name, mark, value = pair.partition("=")
        if not mark or not name:
            raise BadRequest(f"cannot set the variable {pair!r}: expected NAME=VALUE")
        environment[name] = value
    restart = given.get("restart", "never")
    if restart not in RESTARTS:
        raise BadRequest(f"cannot restart {restart!r}: expected one of {', '.join(RESTARTS)}")
    return RunSpec(
        argv=tuple(words),
        environment=environment,
        to_group="to_group" in given,
        rewrite=dict(_rewritten(pair) for pair in _many(given, "rewrite")),
        restart=cast("Literal['never', 'on-failure', 'always']", restart),
        kill_after=_seconds("kill-after", given["kill_after"]) if "kill_after" in given else None,
        good=frozenset(_exit_status(text) for text in _many(given, "good")),
        settle=_settle(given),
    )


def _settle(given: dict[str, str]) -> float:
    if "background" in given:
        return _seconds("wait", given["wait"]) if "wait" in given else WAIT
    if "wait" in given:
        raise BadRequest("--wait needs -d: without -d the command ends with the program; leave it out")
    return 0.0


def _early_end(spec: RunSpec, status: int, log: str | None) -> str:
    ended = f"{spec.argv[0]} has ended with status {status} before it was up for {spec.settle:g} s"
    if log is not None:
        return f"{ended}; what it has written is in {log}"
    return f"{ended}; run it without -d to see why" if status else ended


def _rewritten(pair: str) -> tuple[int, int]:
    left, mark, right = pair.partition(":")
    numbers = signal_number(left), 0 if right == "0" else signal_number(right)
    if not mark or None in numbers:
        raise BadRequest(
            f"cannot rewrite {pair!r}: expected two signals such as TERM:QUIT or 15:3, the second may be 0"
        )
    if numbers[0] in NOT_PASSED_ON:
        raise BadRequest(f"cannot rewrite {pair!r}: {signal_name(numbers[0])} is never passed on; leave it out")
    return cast("tuple[int, int]", numbers)


def _exit_status(text: str) -> int:
    if not text.isdecimal() or int(text) > EXIT_MAX:
        raise BadRequest(f"cannot expect {text!r}: an exit status is a number from 0 to {EXIT_MAX}")
    return int(text)


def _value(name: str, kind: Kind[T], text: str) -> T:
    try:
        return kind.accept(text)
    except (ValueError, TypeError) as error:
        why = str(error) if isinstance(error, Unfit) else f"expected {kind.expected}"
        raise BadRequest(f"cannot read --{name} {text!r}: {why}") from None


def _seconds(name: str, text: str) -> float:
    seconds = _value(name, SECONDS, text)
    if seconds < 0:
        raise BadRequest(f"cannot read --{name} {text!r}: expected 0 seconds or more")
    return seconds


def _many(given: dict[str, str], key: str) -> list[str]:
    return given[key].split("\0") if key in given else []


def _uid(user: str) -> int:
    try:
        return int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ProcmanError(f"there is no user {user!r}: name one of this machine, or make it") from None


def _change_directory(given: dict[str, str]) -> None:
    try:
        os.chdir(given.get("chdir", "."))
    except OSError as error:
        raise ProcmanError(f"cannot change to {given.get('chdir', '.')}: {error.strerror}; check --chdir") from None


def _become(given: dict[str, str], uid: int | None, *, in_background: bool) -> None:
    """Set everything that the program inherits from this process."""
    if not in_background and "chdir" in given:
        _change_directory(given)
    if uid is not None:
        drop_privileges(uid)
    if "parent_signal" in given:
        number = signal_number(given["parent_signal"])
        if number is None:
            raise BadRequest(
                f"there is no signal {given['parent_signal']!r}: expected a name such as TERM, or a number"
            )
        refusal = die_with_parent(number)
        if refusal is not None:
            raise ProcmanError(refusal)
    # PID 1 inherits orphans anyway. If the kernel refuses, they go to PID 1, as without procman.
    if os.getpid() != 1:
        become_subreaper()


def _take_umask(given: dict[str, str]) -> int:
    """Apply the given umask; without one, return the inherited umask."""
    umask = _value("umask", OCTAL, given["umask"]) if "umask" in given else os.umask(0)
    os.umask(umask)
    return umask


def _open_log(path: str) -> int:
    """Open the log; as root, not through a link that another user could have put there."""
    try:
        return open_log(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
    except OSError as error:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            why = f"there is no directory {folder}; create it, or name another log with --log"
        else:
            why = f"{error.strerror}; name another with --log"
        raise ProcmanError(f"cannot open the log {path}: {why}") from None


def _write_to(fd: int) -> None:
    sys.stdout.flush()
    for standard in (1, 2):
        os.dup2(fd, standard)
    os.close(fd)


def _say(text: str) -> None:
    # Written at once, so that output of the program does not split the line.
    sys.stderr.write(f"procman: {text}\n")
    sys.stderr.flush()

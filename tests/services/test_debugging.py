"""The definition of a program that is debugged: only how it is watched differs."""

from dataclasses import fields

from procman.core.spec import Autorestart, Condition, ProcessType, ReadyKind
from procman.runtime.definitions import DEBUG_MARK
from procman.services.debugging import DebugAsked, debugged
from tests.support.programs import program


def test_only_how_it_is_watched_differs():
    """User, directory, limits and logs are those of the program."""
    web = program(
        "web",
        user="www",
        uid=33,
        directory="/srv",
        umask=0o27,
        environment={"A": "1"},
        type=ProcessType.ONESHOT,
        run_timeout=5,
        ready=(Condition(ReadyKind.NOTIFY),),
        start_timeout=60,
        critical=True,
        stdout_logfile="/var/log/web.log",
        stopsignal=3,
    )
    one = debugged(web, DebugAsked("web"))
    differ = {field.name for field in fields(web) if getattr(web, field.name) != getattr(one, field.name)}
    assert {"user", "uid", "directory", "umask", "stdout_logfile", "stopsignal", "command"}.isdisjoint(differ)
    assert (one.pty, one.ready, one.start_timeout, one.run_timeout, one.critical) == (True, (), None, None, False)
    # It never ends for good by itself: what follows from that is for programs that are not looked at.
    assert one.autorestart is Autorestart.ALWAYS
    assert {0, 1, 255, -9} <= set(one.exitcodes)
    assert one.environment == {"A": "1", DEBUG_MARK: "1"}


def test_another_command_is_words():
    """As they were typed, without a shell; variables are added."""
    one = debugged(program("web"), DebugAsked("web", ("sh", "-c", "echo $A 'b c'"), {"A": "2"}))
    assert one.command == "sh -c 'echo $A '\"'\"'b c'\"'\"''"
    assert one.environment["A"] == "2"


def test_it_is_never_the_definition_of_the_file():
    """By that, a master after a kill knows that it has to start it as it is meant to be."""
    web = program("web", pty=True, redirect_stderr=True)
    assert debugged(web, DebugAsked("web")).environment != web.environment

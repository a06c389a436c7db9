"""A program that has put itself into the background is told from one that has ended."""

import pytest

from procman.core.events import ExitStatus
from procman.services.daemonized import SOON, daemonized


def test_what_runs_on_is_counted_and_the_flag_for_the_foreground_named():
    """As `procman check` names it for the same command."""
    found = daemonized(ExitStatus(0), 0.3, (7, 8, 9, 10), "/usr/sbin/php-fpm8.2 -R")
    assert found is not None
    assert (found.pids, found.way_out) == ((7, 8, 9, 10), "add -F")
    assert found.sentence == (
        "it has daemonized: 4 processes of it run; run it in the foreground (add -F), "
        "or set leftovers=stop to have them stopped with it"
    )


@pytest.mark.parametrize(
    ("command", "way_out"),
    [
        ("redis-server --daemonize yes", "leave --daemonize yes out"),
        ("memcached -d", "leave -d out"),
        ("haproxy -D -f x", "leave -D out"),
        ("postfix start", "write postfix start-fg"),
        ("rsyslogd", "add -n"),
        ("sshd", "add -D"),
        ("mysqld --daemonize", "leave --daemonize out"),
        ("redis-server /etc/redis.conf", "set daemonize no in its file, or add --daemonize no"),
        ("gosu x haproxy -f x", "leave daemon out of its file, or add -db"),
        ("./start.sh", ""),
        ("'unclosed", ""),
    ],
)
def test_what_to_write_instead_depends_on_the_command(command, way_out):
    """It has daemonized all the same; where its command does not say so, its own file does."""
    found = daemonized(ExitStatus(0), 0.3, (7,), command)
    assert found is not None
    assert found.way_out == way_out
    told = way_out or "without an & or a flag for a daemon"
    assert found.sentence.startswith(f"it has daemonized: 1 process of it runs; run it in the foreground ({told}), or")


@pytest.mark.parametrize(
    ("status", "age", "left"),
    [
        (ExitStatus(0), 0.3, ()),
        (ExitStatus(1), 0.3, (7,)),
        (ExitStatus(-1, 15), 0.3, (7,)),
        (ExitStatus(-1, known=False), 0.3, (7,)),
        (ExitStatus(0), SOON + 1, (7,)),
    ],
)
def test_an_end_of_another_kind_is_not_one(status, age, left):
    """It left nothing, or failed, or ran for a while."""
    assert daemonized(status, age, left, "nginx") is None

"""The options of readiness: what can be said, in both forms, and what cannot."""

import pytest

from procman.config.schema import kinds
from procman.core.spec import Condition, ReadyKind


@pytest.mark.parametrize(
    ("text", "kinds_of_it"),
    [
        ("listen:8080", ["listen"]),
        ("listen:/run/app.sock, tcp:db.example:5432", ["listen", "tcp"]),
        ("http://127.0.0.1:80/a?b=1,2, delay:500ms", ["http", "delay"]),
        ("exec:./check a,b, log:x, y, fd", ["exec", "log", "fd"]),
        ("notify", ["notify"]),
        ("http+unix:///run/app.sock:/ready", ["http+unix"]),
        ("none", []),
    ],
)
def test_conditions_stand_between_commas(text, kinds_of_it):
    """A command, a line and a URL may hold commas themselves."""
    assert [condition.kind.value for condition in kinds.READY.parse(text)] == kinds_of_it


def test_a_list_of_toml_is_taken_as_it_is():
    """No comma has a meaning in it."""
    assert kinds.READY.accept(["log:a, tcp:80", "delay:1m"]) == (
        Condition(ReadyKind.LOG, "log:a, tcp:80"),
        Condition(ReadyKind.DELAY, "delay:1m", 60),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tpc:80", "did you mean tcp?"),
        ("https://x", "use exec:"),
        ("listen:99999", "expected a port from 1 to 65535"),
        ("listen:db.example:80", "is no address"),
        ("file:relative", "a full path that begins with /"),
        ("delay:soon", "expected seconds"),
        ("log:*", "needs the text of a line"),
        ("exec:", "needs a command"),
        ("notify, notify", "is listed twice"),
        ("fd:2", "from 3 to 255"),
        ("fd:99999", "from 3 to 255"),
        ("fd:three", "PROCMAN_READY_FD"),
        ("fd, fd:3", "is listed twice"),
        ("http://a b/", "a URL"),
        ("", "at least one condition"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_can(text, complaint):
    """Each mistake has its way out."""
    with pytest.raises(ValueError, match=r".") as error:
        kinds.READY.parse(text)
    assert complaint in str(error.value)

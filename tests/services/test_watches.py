"""What is told of watched files."""

from types import SimpleNamespace

import pytest

from procman.core.events import BootRequested
from procman.core.fleet import Fleet
from procman.core.spec import WatchAction
from procman.errors import UnknownProcess
from procman.runtime.file_watches import LastChange
from procman.services.watches import WatchService
from tests.support.programs import group


class Files(SimpleNamespace):
    """As `FileWatches`, with what it knows."""

    def __init__(self, **known):
        super().__init__(**({"is_off": False, "failed": {}, "last": {}, "watched": ()} | known))

    def is_watched(self, name):
        return name in self.watched


def service(action=None, **known):
    fleet = Fleet((group("web", watch=("src/",), watch_action=action or WatchAction()), group("db")))
    fleet.handle(BootRequested(), 0.0)
    return WatchService(fleet, Files(**known)), fleet


@pytest.mark.parametrize(
    ("known", "state", "trouble"),
    [
        ({"watched": ("web",)}, "watching", ""),
        ({}, "starting", ""),
        ({"is_off": True}, "off", ""),
        ({"failed": {"web": "no library"}}, "failed", "its files are not watched: no library"),
    ],
)
def test_it_is_said_whether_a_change_would_be_seen(known, state, trouble):
    """And why not, where it should be; what watches nothing has no answer."""
    watches, _ = service(**known)
    (one,) = watches.of("all")
    assert (one.namespec, one.state) == ("web", state)
    assert (watches.trouble("web"), watches.trouble("db")) == (trouble, "")
    assert (watches.is_watched("web"), watches.is_watched("db")) == (state == "watching", None)


def test_one_that_is_suspended_says_for_which_file():
    """As the core remembers no names, it is that of the last change."""
    watches, fleet = service(watched=("web",), last={"web": LastChange("suspended", "src/a changed", 1.0)})
    fleet.watches.restore({"suspended": ["web"]})
    assert watches.trouble("web").startswith("its files are not watched: src/a changed again and again")
    assert watches.is_watched("web") is False


def test_of_a_command_only_its_name_is_told():
    """Its arguments may be secret."""
    watches, _ = service(WatchAction("exec", command="deploy --token hunter2"))
    (one,) = watches.of("web")
    assert one.action == "exec:deploy"
    with pytest.raises(UnknownProcess):
        watches.of("nobody")

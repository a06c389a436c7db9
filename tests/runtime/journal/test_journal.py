"""The journal takes down what is published, and what else is noted, with run, actor and cause."""

import asyncio

import pytest

from procman.core.attribution import POLICY, Actor, Origin
from procman.core.events import ExitStatus, SpawnFailed
from procman.core.fleet import Fleet
from procman.runtime.bus import LogRotated, LogTrouble, OperationBegan, ProcessEnded
from procman.runtime.journal import denials as denials_module
from procman.runtime.journal.denials import Denials
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.plain_records import MOST_CHARACTERS, MOST_NAMED
from procman.runtime.journal.translation import Translator
from tests.support.notifications import new_bus
from tests.support.programs import group


class Site:
    def __init__(self):
        self.bus = new_bus()
        self.fleet = Fleet((group("web"),))
        translator = Translator(self.fleet, lambda: 1000.0, hide=lambda text: text.replace("hunter2", "***"))
        self.journal = Journal(translator, self.bus.sequence)
        self.bus.subscribe(self.journal.hear)

    def last(self):
        return next(self.journal.latest_first())


def journal_test(steps):
    def test():
        async def run():
            await steps(Site())

        asyncio.run(run())

    test.__doc__ = steps.__doc__
    return test


async def _followed(site):
    """A reader gets each record, and the chain of one leads to its root."""
    heard = []
    end = site.journal.follow(heard.append)
    root = site.bus.publish(OperationBegan(1, "stop", ("web",)), Origin(Actor("client", uid=0), None, 1))
    seq = site.bus.publish(ProcessEnded("web", 7, ExitStatus(-1, 15), ()), Origin(POLICY, root))
    end()
    noted = site.journal.note("log-trouble", "x")
    assert [one.seq for one in heard] == [root, seq]
    assert [one.kind for one in site.journal.chain(seq)] == ["exit", "op-begin"]
    assert (noted, site.last().seq, site.journal.last) == (3, 3, 3)
    assert site.last().times == 1


test_readers_and_chains = journal_test(_followed)


async def _rotations(site):
    """One by the clock or on request is a record; one by size is none, and of one that fails there is the trouble."""
    for by, problem in (("size", ""), ("clock", ""), ("clock", "no space"), ("request", "")):
        site.bus.publish(LogRotated("web", "stderr", by, problem))
    site.bus.publish(LogTrouble("cannot rotate log /hunter2: no space", "web"))
    found = [(one.kind, one.name, one.group, one.reason, one.data) for one in site.journal.records()]
    assert found == [
        ("rotation", "web", "web", "clock", {"stream": "stderr"}),
        ("rotation", "web", "web", "request", {"stream": "stderr"}),
        ("log-trouble", "web", "web", "cannot rotate log /***: no space", None),
    ]


test_rotations = journal_test(_rotations)


async def _secret(site):
    """A reason may be a command line, and what a client sends may be anything."""
    site.bus.publish(SpawnFailed("web", "can't find command '/x --password=hunter2'", 127))
    assert site.last().reason == "can't find command '/x --password=***'"
    site.journal.note("log-trouble", "hunter2" * 1000)
    assert "hunter2" not in site.last().reason
    assert len(site.last().reason) == MOST_CHARACTERS + 1


test_no_secret_and_no_megabyte_gets_into_a_record = journal_test(_secret)


async def _many(site):
    """An operation on a thousand processes names the first, and says how many there are."""
    site.bus.publish(OperationBegan(1, "stop", tuple(f"{'p' * 5000}{number}" for number in range(1000))))
    data = site.last().data
    assert len(data["targets"]) == MOST_NAMED
    assert data["targets_count"] == 1000
    assert max(map(len, data["targets"])) == MOST_CHARACTERS + 1


test_a_record_names_few_of_many = journal_test(_many)


async def _denied(site):
    """The first at once, those like it together, whatever their pids are; others are told apart."""
    denials, refused = Denials(site.journal), []
    denials.on_refused = lambda: refused.append(1)
    for pid in range(1000):
        denials.note(Actor("client", uid=7, pid=pid, command=f"c{pid}", via="/s"), "wrong name or password", 401)
    denials.note(Actor("client", user="x", via="inet 10.0.0.7"), "wrong name or password", 401)
    first, second = list(site.journal.latest_first())[::-1]
    assert (first.times, first.reason, first.data) == (1, "wrong name or password", {"status": 401})
    assert first.actor == Actor("client", uid=7, via="/s")
    assert second.actor.via == "inet 10.0.0.7"
    denials.flush()
    third = site.last()
    assert (third.times, third.actor) == (999, first.actor)
    assert len(refused) == 1001


async def _denied_request(site):
    """The record says what was asked for, in few letters; of those that are counted together, the last is named."""
    denials = Denials(site.journal)
    for path in ("/v1/config/update", "/v1/config/reread", "/" + "x" * 1000):
        denials.note(Actor("client", uid=7, via="/s"), "it takes the role configure", 403, f"POST {path}")
    first = site.last()
    assert first.data == {"status": 403, "asked": "POST /v1/config/update"}
    denials.flush()
    assert site.last().data["asked"].startswith("POST /xxx")
    assert len(site.last().data["asked"]) == denials_module.LONGEST


test_a_refusal_says_what_was_asked_for = journal_test(_denied_request)
test_a_flood_of_refused_clients_is_two_records = journal_test(_denied)


async def _denied_by_many(site):
    """A flood under ever new names is bounded, too: beyond so many they are counted together."""
    denials = Denials(site.journal)
    for number in range(1000):
        denials.note(Actor("client", user=f"u{number}", via="inet 10.0.0.7"), "wrong name or password", 401)
    denials.flush()
    told = list(site.journal.latest_first())
    assert len(told) <= denials_module.MOST + 2
    assert sum(one.times for one in told) == 1000


test_a_flood_under_many_names_is_bounded = journal_test(_denied_by_many)


async def _denied_for_long(site):
    """What was counted is written down when the time is over."""
    denials = Denials(site.journal)
    told = asyncio.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denials_module, "TOGETHER", 0.01)
        for _ in range(3):
            denials.note(Actor("client", uid=7, via="/s"), "wrong name or password", 401)
        site.journal.follow(lambda _: told.set())
        await told.wait()
    assert site.last().times == 3  # one and two more in a row are one record


test_a_flood_is_counted_to_its_end = journal_test(_denied_for_long)

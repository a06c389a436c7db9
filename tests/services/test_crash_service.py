"""The crash reports as front ends ask for them, and over an upgrade."""

import asyncio
import contextlib
import signal

import pytest

from procman.core.attribution import Actor
from procman.core.events import BootRequested, Exited, ExitStatus, Spawned, StopRequested
from procman.core.fleet import Fleet
from procman.errors import OperationError, Reason
from procman.runtime.bus import ProcessEnded
from procman.runtime.journal.record import Record
from procman.services.crash_reports.parts import Parts
from procman.services.crash_reports.report import CrashReport, Output
from procman.services.crash_reports.service import CrashReports
from procman.services.ends import Ends
from procman.services.last_looks import LastLooks
from tests.support.notifications import notify
from tests.support.programs import group, program


class Journal:
    """Stands for the journal: the test says what is in it."""

    def __init__(self, *records: Record) -> None:
        self.records = {record.seq: record for record in records}

    def find(self, seq):
        return self.records.get(seq)

    def chain(self, seq):
        found = []
        while (record := self.records.get(seq)) is not None:
            found.append(record)
            seq = record.cause
        return found


def service(*records: Record, most: int = 50, environment=None) -> CrashReports:
    fleet = Fleet(())
    looks, ends = LastLooks(), Ends(fleet)

    def parts() -> Parts:
        return Parts(
            fleet=fleet,
            ends=ends,
            journal=Journal(*records),  # type: ignore[arg-type]
            explanations=None,  # type: ignore[arg-type]
            log=None,  # type: ignore[arg-type]
            looks=looks,
            most=most,
            folder=None,
            last_output=lambda *_: [],
            environment_of=environment or (lambda _: {b"PATH": b"/bin", b"API_KEY": b"abcdefgh", b"PROCMAN_ID": b"x"}),
            directory=lambda: "/",
            on_end=lambda: None,
        )

    return CrashReports(fleet, ends, parts, looks=looks, most=most)


def report(seq: int, name: str = "web", *, last: int | None = None, group: str = "") -> CrashReport:
    facts = {"how": "x", "group": group or name, "health": [], "hooks": []}
    output = {"stdout": Output(b"key abcdefgh\n", 13), "stderr": Output(None, 5)}
    return CrashReport(
        seq, name, float(seq), last or seq, float(last or seq), facts=facts, output=output, program=program(name)
    )


def record(seq: int, **fields) -> Record:
    return Record(seq, 0.0, 0.0, fields.pop("kind", "exit"), **fields)


def test_reports_are_found_by_names_groups_and_globs():
    """From the oldest to the latest."""

    async def story() -> None:
        crashes = service()
        for seq, name in enumerate(("web", "site:a", "site:b", "site:a"), 1):
            crashes._keeper._kept.add(report(seq, name, group=name.partition(":")[0]))

        async def seqs(spec: str) -> list[int]:
            return [one.seq for one in (await crashes.reports(spec))[0]]

        assert await seqs("all") == [1, 2, 3, 4]
        assert await seqs("site:a") == [2, 4]
        assert await seqs("site:*") == await seqs("site") == [2, 3, 4]
        assert await seqs("*:b") == [3]
        assert await seqs("nope") == []
        assert crashes.latest("site:a").seq == 4

    asyncio.run(story())


def test_a_number_of_the_journal_leads_to_the_report():
    """Also one within a loop, where the journal says whose end it was."""

    async def story() -> None:
        crashes = service(record(50, name="db"))
        web, db = report(10, "web", last=90), report(20, "db", last=80)
        crashes._keeper._kept.add(web)
        crashes._keeper._kept.add(db)
        assert await crashes.one(10) is web
        assert await crashes.one(50) is db

    asyncio.run(story())


def test_an_unknown_number_is_answered_with_what_is_there():
    """The latest ten."""

    async def story() -> None:
        crashes = service()
        with pytest.raises(OperationError, match="there is no crash report 7, and no other") as error:
            await crashes.one(7)
        assert error.value.reason is Reason.UNKNOWN_REPORT
        for seq in range(100, 115):
            crashes._keeper._kept.add(report(seq, f"p{seq}"))
        with pytest.raises(OperationError) as error:
            await crashes.one(7)
        text = str(error.value)
        assert text.startswith("there is no crash report 7; there are 114 (p114), 113 (p113)")
        assert text.endswith("105 (p105) and 5 more")

    asyncio.run(story())


def test_an_upgrade_keeps_reports_and_digests():
    """What cannot be understood is left out; a master that had no reports hands over none."""

    async def story() -> None:
        crashes, again = service(), service()
        crashes._keeper._kept.add(report(3))
        data = crashes.snapshot()
        again.restore({**data, "reports": [{"seq": 1}, *data["reports"], None]})
        again.restore(None)
        (kept,) = again._keeper._kept
        assert again.plain(kept) == crashes.plain(crashes.latest("web"))
        assert (
            again._keeper._digests.of(b"x") == crashes._keeper._digests.of(b"x") != service()._keeper._digests.of(b"x")
        )

    asyncio.run(story())


def test_no_value_of_the_environment_is_in_a_report():
    """Digests by name; the tag of the run, which is new each time, is left out. Known secrets are masked in output."""

    async def story() -> None:
        crashes = service()
        plain = crashes.plain(report(3))
        assert plain["environment"].keys() == {"PATH", "API_KEY"}
        assert plain["output"] == {
            "stdout": {"bytes": 13, "lines": ["key ********"]},
            "stderr": {"bytes": 5, "lines": None},
        }
        assert "abcdefgh" not in str(plain)

    asyncio.run(story())


def test_an_environment_that_cannot_be_one_is_no_obstacle():
    """The program was not started for that very reason."""

    def refuse(_):
        raise ValueError("embedded null byte")

    async def story() -> None:
        assert service(environment=refuse).plain(report(3))["environment"] == {}

    asyncio.run(story())


def test_the_request_behind_an_end_is_told():
    """With what was asked; what a policy or the boot brought about, nobody has asked for."""

    async def story() -> None:
        client = Actor("client", 0, 0, 812, "root", "procmanctl", "unix")
        crashes = service(
            record(1, kind="op-begin", reason="stop", data={"targets": ["web"]}, actor=client),
            record(2, kind="signal", name="web", actor=client, cause=1),
            record(3, kind="exit", name="web", actor=Actor("policy"), cause=2),
            record(9, kind="exit", name="db"),
        )
        assert crashes._keeper._asked_by(3) == "uid 0 (root, procmanctl stop web, pid 812)"
        assert crashes._keeper._asked_by(9) == ""
        assert crashes._keeper._asked_by(77) == ""

    asyncio.run(story())


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_only_an_end_that_deserves_a_report_needs_the_code_of_reports(is_asked_for):
    """A master that stops its programs imports nothing for that."""
    fleet, wanted = Fleet((group("web", startsecs=0),)), []
    ends = Ends(fleet)

    def parts() -> Parts:
        wanted.append("parts")
        raise StopIteration  # nothing else of it is needed here

    crashes = CrashReports(fleet, ends, parts, looks=LastLooks(), most=5)

    def tell(event) -> None:
        notification = notify(event)
        ends.hear(notification)
        if isinstance(event, CrashReports.hears):
            crashes.hear(notification)

    def happens(event, now: float) -> None:
        for action in fleet.handle(event, now):
            tell(action)

    happens(BootRequested(), 0.0)
    tell(Spawned("web", 10))
    happens(Spawned("web", 10), 0.0)
    if is_asked_for:
        happens(StopRequested("web"), 1.0)
    status = ExitStatus(-1, signal.SIGTERM)
    tell(ProcessEnded("web", 10, status, ()))
    with contextlib.nullcontext() if is_asked_for else pytest.raises(StopIteration):
        happens(Exited(10, status), 2.0)
    assert wanted == ([] if is_asked_for else ["parts"])

"""A question about a time that the memory does not reach is answered from the file."""

import asyncio

import pytest

from procman.core.events import Spawned
from procman.core.fleet import Fleet
from procman.logs.disk_workers import DiskWorkers
from procman.runtime.bus import Bus, Sequence
from procman.runtime.journal.disk_file import DiskFile
from procman.runtime.journal.file import JournalFile
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.read_back import NOT_KEPT, TOO_MANY, Wanted, read_back
from procman.runtime.journal.record import Record
from procman.runtime.journal.ring import Ring
from procman.runtime.journal.translation import Translator


def record(seq: int, name: str = "web", **fields) -> Record:
    return Record(seq, time=1000.0 + seq, mono=float(seq), kind="state", name=name, **fields)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "journal")


def write(path: str, records, maxbytes: int = 0) -> None:
    """As a master that ended well."""
    file = DiskFile(path, maxbytes, pytest.fail)
    file.find_end()
    for one in records:
        file.write([one], 10_000)
    file.end(10_000)


def seqs(records) -> list[int]:
    return [one.seq for one in records if one.kind != "gap"]


def test_it_reads_from_the_end_and_no_further_than_it_has_to(path, monkeypatch):
    """One block more has what led there."""
    monkeypatch.setattr("procman.runtime.journal.read_back.BLOCK", 1000)
    write(path, map(record, range(1, 501)))
    found = seqs(read_back(path, Wanted(seq=400)))
    assert found == list(range(found[0], 501))
    assert 350 < found[0] <= 401
    assert seqs(read_back(path, Wanted(time=1400.0))) == found


def test_it_goes_on_in_the_older_file(path):
    """And what neither has is a gap."""
    write(path, map(record, range(1, 1001)), maxbytes=20_000)
    found = read_back(path, Wanted(seq=3))
    assert found[0].kind == "gap"
    assert found[0].data == {"from": 4, "to": found[1].seq - 1, "reason": NOT_KEPT}
    assert seqs(found) == list(range(found[1].seq, 1001))
    assert len(found) > 200


def test_what_is_read_is_bounded(path, monkeypatch):
    """It says so."""
    monkeypatch.setattr("procman.runtime.journal.read_back.BLOCK", 1000)
    write(path, map(record, range(1, 501)))
    found = read_back(path, Wanted(), most=100)
    assert found[0].data["reason"] == TOO_MANY
    assert 100 <= len(seqs(found)) < 120


def test_with_names_it_has_what_is_about_them_and_about_none(path):
    """A whole file is searched for the runs of one process."""
    write(path, [record(1, "web"), record(2, 'w"eb'), record(3, "db"), record(4, ""), record(5, "web")])
    assert seqs(read_back(path, Wanted(names=("web",)))) == [1, 4, 5]
    assert seqs(read_back(path, Wanted(names=('w"eb',)))) == [2, 4]


def test_a_line_that_is_cut_or_no_record_is_left_out(path):
    """The log says so when a master begins."""
    write(path, [record(1), record(2)])
    with open(path, "ab") as file:
        file.write(b'[]\n{"seq": 3\n{"seq": NaN}\n')
    assert seqs(read_back(path, Wanted())) == [1, 2]


def in_memory_and_on_disk(path, test) -> None:
    """A journal whose memory keeps seven records."""

    async def run() -> None:
        disks = DiskWorkers(asyncio.get_running_loop(), pytest.fail)
        sequence = Sequence()
        bus = Bus(sequence, pytest.fail)
        journal = Journal(Translator(Fleet(), lambda: 1000.0 + sequence.last), sequence, Ring(6000))
        journal.begin(JournalFile(disks, path, 0, sequence, report=pytest.fail), None)
        bus.subscribe(journal.hear)
        await test(journal, bus, disks)
        journal.close()
        await disks.flush()
        disks.close()

    asyncio.run(run())


def test_the_journal_adds_what_its_file_has(path):
    """Without a gap where the two meet, and each record once; what is not written yet is in memory."""

    async def test(journal, bus, disks) -> None:
        numbers = [bus.publish(Spawned(f"p{number % 3}", number)) for number in range(200)]
        journal.records()
        await disks.flush()
        numbers += [bus.publish(Spawned(f"late{number}", number)) for number in range(5)]
        assert journal.records()[0].kind == "gap"
        whole = await journal.reaching(0, 0.0)
        assert seqs(whole.records()) == numbers
        assert seqs(whole.records(numbers[100])) == numbers[101:]
        assert next(whole.latest_first()).seq == numbers[-1]
        assert whole.find(numbers[0]) is not None
        assert journal.find(numbers[0]) is None

    in_memory_and_on_disk(path, test)


def test_what_the_memory_reaches_is_not_read(path):
    """By the number of a record, or by its time."""

    async def test(journal, bus, _) -> None:
        before = journal.last
        for number in range(5):
            bus.publish(Spawned(f"p{number}", number))
        assert await journal.reaching(before, 0.0) is journal
        assert await journal.reaching(0, journal.records()[-1].time) is journal

    in_memory_and_on_disk(path, test)

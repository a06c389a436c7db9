"""Lines in a file of bounded size: what follows a head makes sense, whatever the disk does."""

import asyncio
import errno
import os
import stat
import threading

import pytest

from procman.logs import line_file as module
from procman.logs.disk_call import DiskTimeout
from procman.logs.line_file import LineFile
from tests.support.silent_disk import hurried, patient_disks


class Setting:
    """A file of 1,000 bytes at most."""

    def __init__(self, folder, maxbytes=1000):
        self.path, self.older = folder / "record", folder / "record.1"
        self.said = []
        self.disks = patient_disks(asyncio.get_running_loop(), self.said.append)
        self.file = LineFile(self.disks, str(self.path), maxbytes, "recording", self.said.append)

    async def written(self):
        """Everything that was given is through."""
        while self.file.is_behind:  # noqa: ASYNC110 - it counts on another thread, which sets no event
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    def text(self):
        return self.path.read_text()


@pytest.fixture
def on_loop(tmp_path):
    def run(steps, **options):
        async def whole():
            setting = Setting(tmp_path, **options)
            try:
                await asyncio.wait_for(steps(setting), 30)
            finally:
                setting.disks.close()

        asyncio.run(whole())

    return run


def test_lines_follow_their_head_in_a_file_for_one_user(on_loop):
    """Other users cannot read it, whatever the umask is."""

    async def steps(on):
        assert on.file.begin(b"head\n")
        on.file.append(b"one\n")
        on.file.append(b"two\n")
        await on.written()
        assert on.text() == "head\none\ntwo\n"
        assert stat.S_IMODE(on.path.stat().st_mode) == 0o600
        assert (on.said, on.file.failure, on.file.is_behind) == ([], None, False)

    on_loop(steps)


def test_a_file_of_earlier_is_continued_and_closed_to_others(on_loop):
    """What an earlier master has recorded stays where there is room."""

    async def steps(on):
        on.path.write_text("earlier\n")
        on.path.chmod(0o644)
        on.file.begin(b"head\n")
        await on.written()
        assert on.text() == "earlier\n\nhead\n"
        assert stat.S_IMODE(on.path.stat().st_mode) == 0o600

    on_loop(steps)


def test_a_full_file_becomes_the_older_one(on_loop):
    """Each of the two has at most its size, and one line; each begins with a head."""

    async def steps(on):
        on.file.begin(b"head\n")
        for number in range(500):
            on.file.append(b"line %05d\n" % number)
            if on.file.is_full:
                on.file.begin(b"head\n")
            if number % 7 == 0:
                await on.written()
        await on.written()
        for path in (on.path, on.older):
            assert path.read_text().startswith("head\n")
            assert path.stat().st_size <= 1000 + 11
        lines = (on.older.read_text() + on.text()).replace("head\n", "").split()[1::2]
        assert lines == [f"{number:05}" for number in range(500 - len(lines), 500)]
        assert sorted(os.listdir(on.path.parent)) == ["record", "record.1"]

    on_loop(steps)


def test_a_file_of_earlier_that_is_half_full_makes_room(on_loop):
    """A new head needs room for lines behind it."""

    async def steps(on):
        on.path.write_text("x" * 600)
        on.file.begin(b"head\n")
        await on.written()
        assert (on.text(), on.older.read_text()) == ("head\n", "x" * 600)

    on_loop(steps)


def test_a_head_that_leaves_no_room_is_refused(on_loop):
    """The option is too small, and the caller says so."""

    async def steps(on):
        assert not on.file.begin(b"x" * 501)
        await on.written()
        assert not on.path.exists()

    on_loop(steps)


def test_a_full_disk_pauses_it_once_and_leaves_no_half_line(on_loop, monkeypatch):
    """It is said once, however often it is tried; and once when it is over."""

    async def steps(on):
        on.file.begin(b"head\n")
        on.file.append(b"one\n")
        await on.written()
        real = module.write_all

        def full(write, data):
            write(data[: len(data) // 2])
            return len(data) - len(data) // 2, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(module, "write_all", full)
        on.file.append(b"two is lost\n")
        await on.written()
        assert on.file.failure == "No space left on device"
        on.file.append(b"not even tried\n")
        on.file.begin(b"second head\n")
        await on.written()
        assert on.file.failure == "No space left on device"
        assert on.text() == "head\none\n"
        monkeypatch.setattr(module, "write_all", real)
        on.file.begin(b"third head\n")
        on.file.append(b"three\n")
        await on.written()
        assert on.text() == "head\none\n\nthird head\nthree\n"
        assert on.said == [
            f"recording to {on.path} pauses: No space left on device; it starts again when that is over",
            f"recording to {on.path} has started again",
        ]

    on_loop(steps)


def test_a_disk_that_does_not_answer_is_not_waited_for(on_loop, monkeypatch):
    """What is held for it is bounded; lines that come later are not kept."""
    monkeypatch.setattr(module, "MOST_HELD", 100)

    async def steps(on):
        gate = threading.Event()
        disk = on.disks.for_path(str(on.path))
        with hurried(on.disks), pytest.raises(DiskTimeout):
            disk.call(lambda: gate.wait(30))
        on.file.begin(b"head\n")
        for _ in range(100):
            on.file.append(b"a line of 20 bytes\n\n")
        assert on.file.failure == "its disk does not answer"
        assert on.file.is_behind
        gate.set()
        await on.written()
        on.file.begin(b"head\n")
        await on.written()
        held = on.older.read_text()
        assert held.startswith("head\na line")
        assert len(held) <= 600
        assert on.text() == "head\n"
        assert [said.split(":")[0] for said in on.said if "record" in said and "disk of" not in said] == [
            f"recording to {on.path} pauses",
            f"recording to {on.path} has started again",
        ]

    on_loop(steps)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(on_loop, make):
    """A fifo would hang its writer, and a directory cannot be written."""

    async def steps(on):
        make(on.path)
        on.file.begin(b"head\n")
        await on.written()
        assert on.file.failure is not None
        assert len(on.said) == 1

    on_loop(steps)


def test_a_file_that_was_moved_away_is_begun_again_with_the_next_head(on_loop):
    """As a file that was removed is."""

    async def steps(on):
        on.file.begin(b"head\n")
        await on.written()
        on.path.rename(on.path.with_name("moved"))
        on.file.begin(b"head\n")
        await on.written()
        assert on.text() == "head\n"

    on_loop(steps)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="is about what root refuses")
def test_root_follows_no_link_of_others(on_loop, tmp_path):
    """In a directory that everybody may write, the file could be another one; that one stays as it was."""

    async def steps(on):
        target = tmp_path / "target"
        target.write_text("precious")
        tmp_path.chmod(0o1777)
        on.path.symlink_to(target)
        os.lchown(on.path, 65534, 65534)
        on.file.begin(b"head\n")
        await on.written()
        assert "symbolic link" in on.file.failure
        assert target.read_text() == "precious"

    on_loop(steps)


def opened_files() -> list[str]:
    return [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]


def test_it_is_closed_with_the_disks(on_loop):
    """A reload leaves no descriptor behind; what was given before is written."""

    async def steps(on):
        on.file.begin(b"head\n")
        on.file.append(b"one\n")
        on.disks.finish(30)
        on.disks.finish(30)
        assert on.text() == "head\none\n"
        on.file.append(b"too late\n")
        assert not on.file.is_behind
        assert str(on.path) not in opened_files()

    on_loop(steps)

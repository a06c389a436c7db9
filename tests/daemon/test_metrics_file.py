"""The file of metrics: it appears as a whole, and a disk that fails is counted and waited for by nobody."""

import asyncio
import errno
import os
import stat
import threading

import pytest

from procman.daemon import metrics_file as module
from procman.daemon.metrics_file import MetricsFile, remove_file, replace_file
from procman.services.metrics.counters import Counters


class Log:
    """Keeps what it is told, by level."""

    def __init__(self):
        self.warnings, self.infos = [], []
        self.warn, self.info = self.warnings.append, self.infos.append


class Written:
    """A file with its counters and its log; the content is the number of the writing."""

    def __init__(self, path, **options):
        self.path, self.counters, self.log = path, Counters(), Log()
        self.rendered = 0
        self.file = MetricsFile(str(path), self._render, self.counters, self.log, **options)

    async def _render(self):
        self.rendered += 1
        return f"{self.rendered}\n".encode()


def entries(folder):
    return sorted(os.listdir(folder))


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "procman.prom"


def on_loop(steps):
    return asyncio.run(asyncio.wait_for(steps(), 30))


def test_it_is_replaced_as_a_whole_and_everybody_may_read_it(path):
    """A reader that has opened the old one goes on with that, whatever the umask is."""

    async def steps():
        written = Written(path)
        umask = os.umask(0o077)
        try:
            await written.file.write()
        finally:
            os.umask(umask)
        with path.open() as before:
            await written.file.write()
            assert (before.read(), path.read_text()) == ("1\n", "2\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert entries(path.parent) == ["procman.prom"]
        assert (written.counters.missed_writes, written.log.warnings) == (0, [])

    on_loop(steps)


def test_it_is_written_at_once_and_again_and_again(path):
    async def steps():
        written = Written(path, every=0.001)
        reached = asyncio.Event()
        render = written._render

        async def count():
            if written.rendered >= 3:
                reached.set()
            return await render()

        written.file._render = count
        written.file.start()
        await reached.wait()
        await written.file.close()
        assert entries(path.parent) == []

    on_loop(steps)


def test_it_is_removed_at_the_end(path):
    """A collector would go on telling of a master that has left."""

    async def steps():
        written = Written(path)
        await written.file.write()
        await written.file.close()
        assert entries(path.parent) == []

    on_loop(steps)


def test_another_masters_file_is_left_alone_at_the_end(path):
    async def steps():
        first, second = Written(path), Written(path)
        await first.file.write()
        await second.file.write()
        await first.file.close()
        assert path.read_text() == "1\n"

    on_loop(steps)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the quota of this user is used up"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "this user may not write in its directory"),
        (errno.EIO, "input/output error"),
    ],
)
def test_a_disk_that_fails_is_a_counted_miss_and_one_line(path, monkeypatch, number, said):
    """What was there stays, nothing is left of the new one, and another line says when it works again."""

    def fail(*_):
        raise OSError(number, os.strerror(number))

    async def steps():
        written = Written(path)
        await written.file.write()
        with monkeypatch.context() as broken:
            broken.setattr(module, "_write_all", fail)
            for _ in range(3):
                await written.file.write()
        assert written.counters.missed_writes == 3
        assert written.log.warnings == [
            f"cannot write metrics_file {path}: {said}; it is tried again every 15 s",
        ]
        assert path.read_text() == "1\n"
        assert entries(path.parent) == ["procman.prom"]
        await written.file.write()
        assert path.read_text() == "5\n"
        assert written.log.infos == [f"metrics_file {path} is written again, after it was missed 3 times"]
        assert written.counters.missed_writes == 3

    on_loop(steps)


def test_a_directory_that_was_removed_is_said_and_written_again_when_it_is_back(path):
    async def steps():
        written = Written(path)
        path.parent.rmdir()
        await written.file.write()
        assert written.log.warnings == [
            f"cannot write metrics_file {path}: its directory is missing: make it again; it is tried again every 15 s"
        ]
        path.parent.mkdir()
        await written.file.write()
        assert path.read_text() == "2\n"
        assert written.log.infos == [f"metrics_file {path} is written again, after it was missed once"]
        path.unlink()
        path.parent.rmdir()
        await written.file.close()  # there is nothing to remove any more

    on_loop(steps)


def test_a_silent_disk_holds_up_nothing(path, monkeypatch):
    """The loop goes on, each time that it is due is a miss, and the end does not wait either."""
    asked, answers = threading.Event(), threading.Event()
    real = module.replace_file

    def hang(*arguments):
        asked.set()
        answers.wait(30)
        return real(*arguments)

    async def steps():
        monkeypatch.setattr(module, "replace_file", hang)
        monkeypatch.setattr(module, "REMOVED_WITHIN", 0.01)
        written = Written(path, within=0.01)
        await written.file.write()
        assert asked.wait(30)
        await written.file.write()
        await written.file.write()
        assert written.counters.missed_writes == 3
        assert written.file.obstacle == f"metrics_file {path} is being written"
        assert written.rendered == 1  # for nothing, nothing is read
        assert written.log.warnings == [
            f"cannot write metrics_file {path}: its disk does not answer; it is tried again every 15 s"
        ]
        await written.file.close()
        answers.set()

    on_loop(steps)


def test_what_is_due_while_the_one_before_is_written_is_missed(path):
    async def steps():
        written = Written(path)
        going_on = asyncio.Event()

        async def slow():
            await going_on.wait()
            return b"late\n"

        written.file._render = slow
        written.file.start()
        await asyncio.sleep(0)
        written.file._timer.cancel()
        written.file.start()
        assert written.counters.missed_writes == 1
        going_on.set()
        await written.file._task
        assert path.read_text() == "late\n"
        await written.file.close()

    on_loop(steps)


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_only_a_file_is_replaced(path, kind):
    """/dev/stdout in a file of root must not cost the machine its device."""
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("/dev/null")
    else:
        os.mkfifo(path)
    before = os.lstat(path)
    with pytest.raises(OSError, match="not a file"):
        replace_file(str(path), b"x")
    assert os.lstat(path).st_ino == before.st_ino
    assert entries(path.parent) == ["procman.prom"]


def test_what_a_killed_master_has_left_is_used_up(path):
    (path.parent / ".procman.prom.new").write_text("half")
    replace_file(str(path), b"whole")
    assert entries(path.parent) == ["procman.prom"]


def test_a_link_in_the_place_of_the_new_file_is_not_followed(path, tmp_path):
    """Another user may have made it, in a folder that both may write."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (path.parent / ".procman.prom.new").symlink_to(victim)
    replace_file(str(path), b"whole")
    assert (victim.read_text(), path.read_text()) == ("untouched", "whole")


def test_a_collector_reads_no_unfinished_file(path, monkeypatch):
    """node_exporter reads all files that end in .prom."""
    seen = []
    monkeypatch.setattr(module, "_write_all", lambda *_: seen.extend(entries(path.parent)))
    replace_file(str(path), b"")
    assert seen == [".procman.prom.new"]


def test_one_that_was_never_written_is_not_removed(path):
    path.write_text("another's")
    remove_file(str(path), None)
    assert path.read_text() == "another's"

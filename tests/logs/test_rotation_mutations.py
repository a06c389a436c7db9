"""How well the rules of rotation are tested: faults that are put into them on purpose, each of which has to be found.

The rules are written here a second time, for random logs: what is kept, under which name, and what is compressed.
"""

import gzip
import os
import time
from itertools import pairwise
from random import Random

from procman.logs import rotated_files, rotation
from tests.support.mutations import Mutation, assert_found, copy_with, each

# As many random logs as a fault may hide from.
BUDGET = 150
START = 1_700_000_000.0
HOUR = 3600.0

MUTATIONS = [
    Mutation("what is too old is kept", rotated_files, r"is_old or is_much", "is_much"),
    Mutation("what is young is too old", rotated_files, r"now - one\.mtime >", "now - one.mtime <"),
    Mutation("there may be any number of bytes", rotated_files, r"is_old or is_much", "is_old"),
    Mutation("the log itself does not count", rotated_files, r"total = _size_of\(.*\)", "total = 0"),
    Mutation(
        "an older one stays where a newer one has gone",
        rotated_files,
        r"(os\.unlink\(one\.name, dir_fd=folder\)\n)(\n +def to_compress)",
        r"\1                total -= one.size\n\2",
    ),
    Mutation("one too many is kept", rotated_files, r"place >= backups", "place > backups"),
    Mutation("numbered ones are removed by their count", rotated_files, r"keeping\.dated and place", "place"),
    Mutation(
        "the newest go first",
        rotated_files,
        r"(found = sorted\(self\.found\(folder\), key=_newest_first)\)",
        r"\1, reverse=True)",
    ),
    Mutation("a name is taken twice", rotated_files, r"while target in taken:", "while False:"),
    Mutation(
        "the newest is moved first",
        rotated_files,
        r"range\(free - 1, -1, -1\)",
        "range(free)",
    ),
    Mutation("the number of a folder is used", rotated_files, r"if number not in theirs\]", "]"),
    Mutation("the last one is not removed", rotated_files, r"if place == len\(numbers\) - 1:", "if False:"),
    Mutation(
        "what is behind a gap is moved",
        rotated_files,
        r"if number not in by_number",
        "if number > max(by_number, default=0)",
    ),
    Mutation("what is compressed is compressed again", rotated_files, r"if one\.is_compressed:", "if False:"),
    Mutation(
        "the oldest is compressed first",
        rotated_files,
        r"(in sorted\(self\.found\(folder\), key=_newest_first)\)",
        r"\1, reverse=True)",
    ),
    Mutation("what has a second name is compressed", rotated_files, r"if _is_ordinary\(found\) else", "if True else"),
    Mutation("what was written meanwhile is lost", rotated_files, r"not is_same or", ""),
    Mutation("a failed compression counts", rotated_files, r"if not succeeded or", "if"),
    Mutation("a compressed file is new", rotated_files, r"os\.utime\(.*\)", "pass"),
    Mutation("a compressed file may be read by others", rotated_files, r"copy_owner_and_mode\(job.*\)", "pass"),
    Mutation("an uncompressed one stays beside it", rotated_files, r"os\.unlink\(source\.name.*\)", "pass"),
    Mutation("a folder is a rotated file", rotated_files, r"if not stat\.S_ISREG\(status\.st_mode\):", "if False:"),
    Mutation("an hour is rotated at once", rotation, r"_hour_of\(moment\) \+ HOUR", "_hour_of(moment)"),
    Mutation("midnight comes again", rotation, r"if found > moment:", "if found >= moment:"),
    Mutation("midnight belongs to the day before", rotation, r"if found <= moment:", "if found < moment:"),
    Mutation("a name has the day of the rotation", rotation, r"self\.every\.last_until\(written\)", "written + 86400"),
    Mutation("every day begins at midnight", rotation, r"hour=self\.minute // 60", "hour=0"),
    Mutation("nobody looks at the age", rotation, r" or self\.max_age is not None", ""),
    Mutation("nobody looks at the total", rotation, r" or self\.max_total is not None", ""),
]


class Log:
    """A log with a life by chance; `files` are what it should have become, the newest first."""

    def __init__(self, folder, seed, names):
        self.random, self.now, self.written = Random(seed), START, 0
        self.path = folder / "log"
        self.backups = self.random.choice([1, 2, 4, 20])
        kept = {"max_age": self.random.choice([None, 3 * HOUR]), "max_total": self.random.choice([None, 60, 200])}
        every = self.random.choice([None, names["Every"]("hourly"), names["Every"]("daily", 90)])
        self.keeping = names["Keeping"](every=every, dated=self.random.random() < 0.5, **kept)
        self.rotated = names["RotatedFiles"]("log", lambda: self.now)
        # Names that are nobody's, and a folder with one that could be a rotated file's.
        for name in ("log.old", "logs.1", "log.1x"):
            (folder / name).write_text(name)
        self.folders = {f"log.{self.random.choice([2, 3, 900])}"}
        for name in self.folders:
            (folder / name).mkdir()
        self.others = set(os.listdir(folder))
        self.files: list[tuple[float, bytes]] = []
        self.fd = os.open(folder, os.O_RDONLY)
        self.folder = folder

    def live(self):
        for _ in range(self.random.randint(1, 14)):
            self.now += self.random.choice([1, 10, HOUR, 5 * HOUR])
            self.rotate()
            if self.random.random() < 0.4:
                self.compress()
            if self.random.random() < 0.2:
                self.backups = max(1, self.backups - 1)
            if self.files and self.random.random() < 0.1:  # somebody removes one of them
                gone = self.random.choice(self.files)
                self.where()[gone[1]].unlink()
                self.files.remove(gone)
            self.write()
            self.prune()

    def write(self):
        self.written += 1
        data = b"%d" % self.written + b"x" * self.random.randint(0, 40)
        self.path.write_bytes(data)
        self.path.chmod(0o640)
        os.utime(self.path, (self.now, self.now))

    def rotate(self):
        if not self.path.exists():
            return
        data, mtime = self.path.read_bytes(), self.path.stat().st_mtime
        names = set(self.found())
        self.rotated.move_away(self.fd, self.backups, self.keeping, mtime)
        assert not self.path.exists()
        self.files.insert(0, (mtime, data))
        if self.keeping.dated:
            (name,) = set(self.found()) - names
            assert name.startswith(f"log.{self.stamp(mtime)}")
        else:
            # The one that had the last number goes. Those that had higher ones stay where they are.
            numbers = {int(name.split(".")[1]) for name in names if self.is_numbered(name)}
            usable = [number for number in range(1, self.backups + 1) if f"log.{number}" not in self.folders]
            if numbers.issuperset(usable):
                del self.files[len(usable)]
        self.check()

    def prune(self):
        # What is compressed counts with what it has become.
        sizes = {data: path.stat().st_size for data, path in self.where().items()}
        self.rotated.prune(self.fd, self.backups, self.keeping)
        total, kept = self.path.stat().st_size, []
        for place, (mtime, data) in enumerate(self.files):
            total += sizes[data]
            if self.keeping.max_age is not None and self.now - mtime > self.keeping.max_age:
                break
            if self.keeping.max_total is not None and total > self.keeping.max_total:
                break
            if self.keeping.dated and place >= self.backups:
                break
            kept.append((mtime, data))
        self.files = kept
        self.check()

    def compress(self):
        """As the helper would; sometimes it fails, or somebody writes to the file or gives it another name."""
        if self.files and self.random.random() < 0.2:
            mtime, data = self.files[0]
            os.link(self.where()[data], self.folder / "link")
        names = self.found()
        job = self.rotated.to_compress(self.fd, "gzip")
        plain = [name for name in sorted(names, key=lambda name: -names[name][0]) if not name.endswith(".gz")]
        plain = [name for name in plain if (self.folder / name).stat().st_nlink == 1]
        (self.folder / "link").unlink(missing_ok=True)
        if job is None:
            assert plain == []
            return
        source = next(name for name in names if (self.folder / name).stat().st_ino == job.found.st_ino)
        assert source == plain[0]
        mtime, data = names[source]
        fails, grows = self.random.random() < 0.2, self.random.random() < 0.2
        os.write(job.target, gzip.compress(data))
        if grows:
            with (self.folder / source).open("ab") as file:
                file.write(b"+")
            os.utime(self.folder / source, (mtime, mtime))
            at = next(place for place, one in enumerate(self.files) if one[1] == data)
            self.files[at] = (mtime, data + b"+")
        done = self.rotated.compressed(self.fd, job, succeeded=not fails)
        job.close()
        assert done is not (fails or grows)
        if done:
            assert (self.folder / f"{source}.gz").stat().st_mode & 0o777 == 0o640
        self.check()

    # ---- looking

    @staticmethod
    def is_numbered(name):
        return name.removesuffix(".gz").split(".")[1].isdecimal()

    def found(self):
        """The time and the content of each rotated file, by its name."""
        names = set(os.listdir(self.folder)) - self.others - {"log", "link"}
        read = {name: (self.folder / name).read_bytes() for name in names}
        return {
            name: (
                (self.folder / name).stat().st_mtime,
                gzip.decompress(data) if name.endswith(".gz") else data,
            )
            for name, data in read.items()
        }

    def where(self):
        return {data: self.folder / name for name, (_, data) in self.found().items()}

    def check(self):
        found = self.found()
        assert sorted(found.values()) == sorted(self.files)
        if not self.keeping.dated:
            numbers = [int(name.split(".")[1]) for name in sorted(found, key=lambda name: -found[name][0])]
            assert all(one < other for one, other in pairwise(numbers))
        assert self.others <= set(os.listdir(self.folder))

    def stamp(self, written):
        every = self.keeping.every
        if every is None:
            return time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(written))
        if every.period == "hourly":
            return time.strftime("%Y-%m-%dT%H", time.localtime(written))
        return time.strftime("%Y-%m-%d", time.localtime(written - every.minute * 60))


def check_times(names):
    """The times of rotation, without a change of the clocks."""
    for moment in (START, START + 0.5, START + 1800, START // HOUR * HOUR):
        for every, period in ((names["Every"]("hourly"), HOUR), (names["Every"]("daily", 90), 24 * HOUR)):
            after = every.next_after(moment)
            assert moment < after <= moment + period
            assert every.last_until(after) == after
            assert every.next_after(after) == after + period
            assert every.last_until(after - 1) == after - period
            clock = time.localtime(after)
            assert (clock.tm_min, clock.tm_sec) == (0 if period == HOUR else 30, 0)
            assert period == HOUR or clock.tm_hour == 1
    keeping = names["Keeping"]
    assert not keeping().looks_back
    assert all(keeping(**one).looks_back for one in ({"max_age": 1.0}, {"max_total": 1}, {"compress": "gzip"}))


def lives(names, folder):
    """Random logs, by the rules of a copy of the modules."""
    check_times(names)
    for seed in range(BUDGET):
        place = folder / str(seed)
        place.mkdir()
        log = Log(place, seed, names)
        try:
            log.live()
        finally:
            os.close(log.fd)


NAMES = {**vars(rotation), **vars(rotated_files)}


@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation, tmp_path):
    assert_found(mutation, lambda: lives({**NAMES, **copy_with(mutation)}, tmp_path))


def test_without_a_fault_nothing_is_found(tmp_path):
    """Random logs are kept, named and compressed as the rules say."""
    lives(NAMES, tmp_path)

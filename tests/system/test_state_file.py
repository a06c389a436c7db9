"""What runs, written down: whatever the file holds, nobody is found who is not there, and nobody twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.system.proc import Identity, boot_id, identify
from procman.system.state_file import MOST_LINES, StateFile, StateFileHeld, survivors
from procman.system.state_lines import DoneRun, Pause, Record, read_state
from procman.system.tree import TAG


def record(name="web", tag="t1", **more):
    return Record(name, tag, 7, 15, 10.0, **more)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "list.state")


@pytest.fixture
def sleeper():
    """Starts a process that waits for its end, with a tag."""
    started = []

    def start(tag):
        process = subprocess.Popen(
            [sys.executable, "-c", "print(flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, TAG: tag},
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def before(path):
    """What the next master finds."""
    file = StateFile.take(path)
    found = file.before
    file.close()
    return found


def killed(file):
    """The master has gone without a word."""
    os.close(file._fd)


def test_what_was_started_and_has_not_ended_is_found(path):
    """With all that was written of it, and nothing of those that have ended or could not be started."""
    file = StateFile.take(path)
    file.begin()
    for tag in ("t1", "t2", "t3"):
        file.starting(record(tag=tag))
    file.started("t1", identify(os.getpid()), (1, 2, 3))
    file.started("t2", identify(os.getppid()), (4, 5, 6))
    file.ended(os.getppid())
    file.not_started("t3")
    file.log("web", "stdout", "/tmp/one")
    file.log("web", "stderr", "/tmp/two")
    file.log("web", "stderr", None)
    killed(file)
    found = before(path)
    me = identify(os.getpid())
    assert found.records == {"t1": record(pid=me.pid, ticks=me.start, pipes=(1, 2, 3))}
    assert found.logs == {("web", "stdout"): "/tmp/one"}
    assert found.boot == boot_id()


def test_an_end_is_written_together_with_what_comes_next(path):
    """One write less for each restart: what has ended is not found, whatever the file says."""
    file = StateFile.take(path)
    file.begin()
    file.starting(record())
    file.started("t1", Identity(os.getpid(), 1), (1, 2, 3))  # that process is gone, and its pid another one's
    file.ended(os.getpid())
    with open(path, "rb") as written:
        late = read_state(written.read())
    assert list(late.records) == ["t1"]
    assert survivors(late) == []
    file.starting(record(tag="t2"))
    killed(file)
    assert list(before(path).records) == ["t2"]


def test_an_adoption_that_is_cut_off_anywhere_forgets_nothing(path):
    """Not even the pipes, without which a process would go on unheard."""
    me = identify(os.getpid())
    file = StateFile.take(path)
    file.begin()
    file.starting(record())
    file.started("t1", me, (1, 2, 3))
    killed(file)
    length = os.path.getsize(path)
    file = StateFile.take(path)
    (survivor,) = survivors(file.before)
    file.adopted(survivor.record)
    killed(file)
    with open(path, "rb") as written:
        content = written.read()
    assert len(content) > length
    for end in range(length, len(content) + 1):
        assert read_state(content[:end]).records == {"t1": record(pid=me.pid, ticks=me.start, pipes=(1, 2, 3))}


def test_a_process_is_found_only_if_it_was_started_when_the_file_says(sleeper):
    """A number that is somebody else's by now names nobody; neither does one of another boot."""
    process = sleeper("t1")
    identity = identify(process.pid)
    state = read_state(b"")
    state.boot = boot_id()
    state.records["t1"] = record(pid=identity.pid, ticks=identity.start)
    assert [found.identity for found in survivors(state)] == [identity]
    state.records["t1"] = record(pid=identity.pid, ticks=identity.start + 1)
    assert survivors(state) == []
    state.records["t1"] = record(pid=identity.pid, ticks=identity.start)
    state.boot = "another"
    assert survivors(state) == []


def test_one_that_was_about_to_be_started_is_found_by_its_tag(path, sleeper):
    """The master was killed between the start of a process and the note of its pid."""
    file = StateFile.take(path)
    file.begin()
    file.starting(record(tag="a-tag-of-its-own"))
    process = sleeper("a-tag-of-its-own")
    killed(file)
    (found,) = survivors(before(path))
    assert found.identity == identify(process.pid)
    assert found.record.pid == process.pid


def test_only_one_master_has_the_file(path):
    """The second one is told of the first."""
    file = StateFile.take(path)
    file.begin()
    with pytest.raises(StateFileHeld, match=rf"already running with this configuration \(pid {os.getpid()}\)"):
        StateFile.take(path)
    file.close()
    StateFile.take(path).close()


def test_what_an_earlier_master_left_stays_until_this_one_has_taken_over(path):
    """One that cannot start after all has taken nothing away."""
    file = StateFile.take(path)
    file.begin()
    file.starting(record())
    killed(file)
    assert before(path).records == {"t1": record()}
    file = StateFile.take(path)
    assert file.before.records == {"t1": record()}
    file.begin()
    file.close()
    assert not os.path.exists(path)


def test_a_file_in_another_folder_is_read_and_removed(path, tmp_path):
    """A master that was started in another way has written there."""
    other = str(tmp_path / "other.state")
    file = StateFile.take(other)
    file.begin()
    file.starting(record(tag="t2"))
    killed(file)
    file = StateFile.take(path, [other, str(tmp_path / "nowhere")])
    assert list(file.before.records) == ["t2"]
    file.begin()
    assert not os.path.exists(other)
    file.close()


def test_a_file_that_is_moved_says_the_same_in_another_place(path, tmp_path):
    """Unless another master has that place, or it cannot be made: then it stays where it was."""
    held, other = str(tmp_path / "held.state"), str(tmp_path / "other.state")
    another = StateFile.take(held)
    file = StateFile.take(path)
    file.begin()
    file.starting(record())
    with pytest.raises(StateFileHeld):
        file.move(held)
    file.move(str(tmp_path / "nowhere" / "x.state"))
    file.starting(record(tag="t2"))
    assert list(read_state(Path(path).read_bytes()).records) == ["t1", "t2"]
    file.move(other)
    assert not os.path.exists(path)
    with pytest.raises(StateFileHeld):
        StateFile.take(other)
    file.not_started("t1")
    killed(file)
    assert before(other).records == {"t2": record(tag="t2")}
    another.close()


def test_the_file_does_not_grow_with_the_starts(path):
    """It is written anew from time to time, and says the same."""
    file = StateFile.take(path)
    file.begin()
    me = identify(os.getpid())
    for number in range(5 * MOST_LINES):
        file.starting(record(tag=f"t{number}"))
        file.started(f"t{number}", me, (0, 0, 0))
        file.ended(me.pid)
    file.starting(record(tag="last"))
    assert os.path.getsize(path) < 200 * MOST_LINES
    killed(file)
    assert before(path).records == {"last": record(tag="last")}


def test_a_link_in_the_place_of_the_file_is_not_followed(path, tmp_path):
    """A link cannot make the master write into another file."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    os.symlink(victim, path)
    with pytest.raises(OSError, match=r"Too many levels|symbolic"):
        StateFile.take(path)
    assert victim.read_text() == "precious"


@given(st.binary(max_size=300))
def test_nothing_in_the_file_is_an_error(noise):
    """Lines that make no sense are passed over, and those around them count."""
    content = b'\n["procman", 1, 5, "b"]\n' + noise + b'\n["+", "web", "t1", 7, 15, 10]\n'
    assert read_state(content).records["t1"] == record()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["procman", "+", "=", "-", "log", "t1", "web"]),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=8))
def test_lines_of_all_sorts_are_read_or_passed_over(lines):
    """Whatever they say, only processes with a number are looked for."""
    import json

    state = read_state(b"\n".join(json.dumps(line).encode() for line in lines))
    assert all(isinstance(record.pid, int) and record.pid >= 0 for record in state.records.values())


def test_what_is_done_is_found_until_it_is_started_again(path):
    """Over a rewrite of the file and an upgrade, too."""
    file = StateFile.take(path)
    file.begin()
    run = DoneRun(7, 0, 1000.0, 1003.5)
    file.done("migrate", run)
    file.done("seed", run)
    file.done("gone", run)
    file.done("gone", None)
    file.starting(record(name="seed", tag="t1"))
    file = StateFile.restore(file.snapshot())
    file._write_anew()
    killed(file)
    assert before(path).done == {"migrate": run}


@pytest.mark.parametrize(
    "line",
    [
        '["done", "x", 7, 0, 5, 4]',
        '["done", "x", 7, 0, NaN, 4]',
        '["done", "x", 7, 0, 1, 1e300]',
        '["done", "x", 7, "0", 1, 2]',
        '["done", "x"]',
    ],
)
def test_a_run_with_times_that_cannot_be_is_passed_over(line):
    """So nothing that shows it fails later."""
    assert read_state(line.encode()).done == {}


def test_a_pause_is_found_until_it_is_over(path):
    """Over a rewrite of the file and an upgrade, too; one that cannot be is passed over."""
    file = StateFile.take(path)
    file.begin()
    pause = Pause(1000.5, "a heap dump")
    for name in ("web", "gone"):
        file.paused(name, pause)
    file.paused("gone", None)
    file = StateFile.restore(file.snapshot())
    file._write_anew()
    killed(file)
    assert before(path).pauses == {"web": pause}
    assert read_state(b'["pause", "x", NaN, "y"]\n["pause", "x", 1]').pauses == {}


def test_how_long_a_start_took_is_found_as_long_as_that_run_lasts(path):
    """Over a rewrite of the file, an upgrade and an adoption, too; one that cannot be is passed over."""
    me = identify(os.getpid())
    file = StateFile.take(path)
    file.begin()
    for tag, pid in (("t1", me.pid), ("t2", 1)):
        file.starting(record(tag=tag))
        file.started(tag, identify(pid), (1, 2, 3))
        file.ready(pid, 2.06049)
    file.ended(1)
    file.ready(99, 1.0)
    file = StateFile.restore(file.snapshot())
    file._write_anew()
    killed(file)
    file = StateFile.take(path)
    assert file.before.ready == {"t1": 2.06}
    (survivor,) = survivors(file.before)
    file.adopted(survivor.record, 2.06)
    file.begin()
    killed(file)
    assert before(path).ready == {"t1": 2.06}
    assert read_state(b'["ready", "t1", NaN]\n["ready", "t1", -1]\n["ready", "t1", "2"]').ready == {}

"""Who waits for a disk that does not answer, and who does not."""

import asyncio
import os
import signal
import threading
import time
from functools import partial

import pytest

from procman.logs import disk_health as module
from procman.logs.disk_call import DiskTimeout
from procman.logs.disk_health import ANSWER_HOLDS, SLOW, SUSPECT_FOR
from procman.logs.disk_workers import DiskWorkers
from tests.support.fake_clock import Clock


class Silent:
    """A call to a disk that answers when `answer` is called."""

    def __init__(self, result="done"):
        self.result = result
        self.asked = threading.Event()
        self._answers = threading.Event()

    def __call__(self):
        self.asked.set()
        assert self._answers.wait(30)
        return self.result

    def answer(self):
        self._answers.set()


class Setting:
    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.said = []
        self.clock = Clock()
        self.answered = asyncio.Event()
        self.disks = DiskWorkers(asyncio.get_running_loop(), self._say, on_answer=self.answered.set, clock=self.clock)
        self.disk = self.disks.for_path("/logs/web.log")
        self._heard = asyncio.Event()

    def _say(self, text):
        self.said.append(text)
        self._heard.set()

    async def hears(self):
        await self._heard.wait()
        self._heard.clear()
        return self.said[-1]

    def looks(self):
        """When disks are looked at from now on, soon; and what is set when one was."""
        self.monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
        looks, looked = [], asyncio.Event()
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def noted(delay, function, *arguments):
            def look():
                function(*arguments)
                looked.set()

            looks.append(delay)
            return call_later(delay, look)

        loop.call_later = noted
        return looks, looked

    def silence(self):
        """The disk does not answer any more; what it was asked."""
        call = Silent()
        with pytest.raises(DiskTimeout):
            self.disk.call(call)
        assert self.disk.is_stuck
        return call

    async def ends(self, call):
        """The disk answers."""
        self.answered.clear()
        call.answer()
        await self.answered.wait()
        assert not self.disk.is_stuck


@pytest.fixture
def live(monkeypatch):
    """Runs a test's steps on a loop."""

    def run(steps):
        async def whole():
            setting = Setting(monkeypatch)
            await asyncio.wait_for(steps(setting), 30)
            setting.disks.close()

        asyncio.run(whole())

    return run


def asked_in(disk):
    return disk.call(lambda: threading.current_thread().name)


def test_all_is_done_by_one_thread_in_its_order(live):
    """Whether somebody waits for it or not."""

    async def steps(setting):
        done = []
        for number in range(100):
            setting.disk.post(partial(done.append, number))
        assert asked_in(setting.disk) == "procman-disk"
        assert done == list(range(100))
        assert await setting.disk.call_async(threading.current_thread) is setting.disk.call(threading.current_thread)

    live(steps)


def test_nobody_waits_for_a_disk_that_does_not_answer(live):
    """What it was asked is done when it answers; what comes meanwhile is refused, or done later where nobody waits."""

    async def steps(setting):
        call = setting.silence()
        done = []
        with pytest.raises(DiskTimeout):
            setting.disk.call(partial(done.append, "at once"))
        with pytest.raises(DiskTimeout):
            await setting.disk.call_async(partial(done.append, "for somebody"))
        setting.disk.post(partial(done.append, "later"))
        await setting.ends(call)
        setting.disk.call(partial(done.append, "now"))
        assert done == ["later", "now"]

    live(steps)


def test_all_waits_in_one_turn_of_the_loop_share_one_limit(live):
    """Calls that take 60 ms together leave no time for another; the next turn of the loop may wait again."""

    async def steps(setting):
        def slow():
            setting.clock.now += 0.03

        setting.disk.call(slow)
        setting.disk.call(slow)
        late = Silent()
        with pytest.raises(DiskTimeout):
            setting.disk.call(late)
        assert not setting.disk.is_stuck
        late.answer()
        await asyncio.sleep(0)
        assert asked_in(setting.disk) == "procman-disk"
        setting.disk.call(slow)
        setting.disk.call(slow)
        setting.disks.lift_limit()
        assert asked_in(setting.disk) == "procman-disk"

    live(steps)


def test_a_disk_that_is_busy_with_other_calls_is_not_stuck(live):
    """The loop does not wait for them, except where it has to have the outcome."""

    async def steps(setting):
        done = []
        for number in range(30):
            setting.disk.post(partial(time.sleep, 0.01))
            setting.disk.post(partial(done.append, number))
        with pytest.raises(DiskTimeout):
            setting.disk.call(lambda: None)
        assert len(done) < 30
        assert not setting.disk.is_stuck
        setting.disk.call(lambda: None, even_if_busy=True)
        assert len(done) == 30

    live(steps)


def test_another_disk_has_its_own_thread(live):
    """Its answers do not wait."""

    async def steps(setting):
        call = setting.silence()
        assert asked_in(setting.disks.for_path("/other/web.log")) == "procman-disk"
        await setting.ends(call)

    live(steps)


def test_an_error_is_whose_call_it_was(live):
    """And what nobody wanted the outcome of is the loop's, as its own errors are."""

    async def steps(setting):
        def fail():
            raise OSError(5, "I/O error")

        with pytest.raises(OSError, match="I/O"):
            setting.disk.call(fail)
        with pytest.raises(OSError, match="I/O"):
            await setting.disk.call_async(fail)
        heard = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.set_result(context["exception"]))
        setting.disk.post(fail)
        assert "I/O" in str(await heard)
        assert asked_in(setting.disk) == "procman-disk"

    live(steps)


@pytest.mark.parametrize("asked", [True, False])
def test_its_silence_is_said_and_its_end(live, asked):
    """Once each, with the folder and how long that was; also where nobody has waited in vain."""

    async def steps(setting):
        setting.monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
        setting.monkeypatch.setattr(module, "REPORT_AFTER", 0)
        if asked:
            call = setting.silence()
        else:
            call = Silent()
            setting.disk.post(call)
        assert await setting.hears() == (
            "the disk of /logs does not answer; what is to be written there waits, and everything else goes on"
        )
        assert setting.disk.health.is_unresponsive
        assert setting.disk.obstacle == setting.disks.obstacle == "the disk of /logs does not answer"
        setting.clock.now += 7
        call.answer()
        assert await setting.hears() == "the disk of /logs answers again, after 7 seconds"
        assert not setting.disk.health.is_unresponsive
        assert setting.disks.obstacle is None
        assert len(setting.said) == 2

    live(steps)


def test_a_short_silence_is_not_worth_a_word(live):
    """Of a machine that was busy nobody has to hear."""

    async def steps(setting):
        await setting.ends(setting.silence())
        assert setting.said == []

    live(steps)


def test_a_disk_is_looked_at_as_long_as_it_has_something_to_do(live):
    """And then no longer: who is idle costs nothing."""

    async def steps(setting):
        looks, looked = setting.looks()
        disk = setting.disks.for_path("/other/web.log")
        await looked.wait()
        assert (len(looks), disk.health._timer) == (1, None)
        call = Silent()
        disk.post(call)
        while len(looks) < 4:
            looked.clear()
            await looked.wait()
        call.answer()
        while disk.health._timer is not None:
            looked.clear()
            await looked.wait()
        assert set(looks) == {0.01}

    live(steps)


def test_a_disk_that_was_slow_is_doubted_for_a_while(live):
    """However often it answers."""

    async def steps(setting):
        def slow():
            setting.clock.now += SLOW + 0.01

        setting.disk.call(slow)
        assert setting.disk.health.is_suspect
        setting.clock.now += SUSPECT_FOR
        assert not setting.disk.health.is_suspect

    live(steps)


def test_an_answer_counts_for_a_moment(live):
    """Of a disk that was asked; being slow is the end of it."""

    async def steps(setting):
        assert not setting.disk.health.has_answered
        setting.disk.health.note_answer()
        assert setting.disk.health.has_answered
        setting.clock.now += ANSWER_HOLDS
        assert not setting.disk.health.has_answered

    live(steps)


def test_who_asks_is_told_that_there_is_no_answer(live):
    """After some time; the loop runs meanwhile."""

    async def steps(setting):
        call = Silent("the log")
        reading = asyncio.create_task(setting.disk.call_async(call))
        await asyncio.to_thread(call.asked.wait, 30)
        call.answer()
        assert await reading == "the log"
        last = Silent()
        with pytest.raises(DiskTimeout):
            await setting.disk.call_async(last, 0)
        last.answer()

    live(steps)


def test_two_folders_of_one_device_are_one_disk(live, tmp_path):
    """A folder about which nothing is known has one of its own until it is."""

    async def steps(setting):
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        disk = setting.disks.for_path(f"{first}/web.log")
        guess = setting.disks.for_path(f"{second}/db.log")
        assert guess is not disk
        second.mkdir()
        assert setting.disks.for_path(f"{second}/db.log") is disk
        assert setting.disks.for_device("/third", os.stat(first).st_dev) is disk
        assert setting.disks.for_device("/fourth", -1) is not disk

    live(steps)


def test_a_disk_that_was_only_a_guess_does_not_fall_silent(live, tmp_path):
    """Its thread has gone when it is known which disk it is: it does nothing any more, and that is no silence."""

    async def steps(setting):
        setting.monkeypatch.setattr(module, "REPORT_AFTER", 0)
        looks, looked = setting.looks()
        setting.disks.for_path(f"{tmp_path}/web.log")
        await looked.wait()
        (tmp_path / "second").mkdir()
        setting.disks.for_path(f"{tmp_path}/second/db.log")
        for _ in range(3):
            looked.clear()
            setting.disks.for_path(f"{tmp_path}/web.log").call(lambda: None)
            await looked.wait()
        assert len(looks) >= 3
        assert setting.said == []

    live(steps)


def test_a_folder_with_a_log_stays_with_its_disk(live, tmp_path):
    """What was given to that one is to be done before what comes."""

    async def steps(setting):
        setting.disks.for_path(f"{tmp_path}/x")
        guess = setting.disks.for_path(f"{tmp_path}/late/db.log")
        guess.users[guess] = None
        (tmp_path / "late").mkdir()
        assert setting.disks.for_path(f"{tmp_path}/late/web.log") is guess

    live(steps)


class User:
    def __init__(self):
        self.told = []

    def abandon(self):
        self.told.append("given up")


def test_an_end_waits_for_a_disk_but_not_for_long(live):
    """Who has something for it is told when there is no time left."""

    async def steps(setting):
        done = []
        setting.disk.post(partial(done.append, "in time"))
        setting.disks.finish(30)
        assert done == ["in time"]
        call, user = setting.silence(), User()
        setting.disk.users[user] = None
        setting.disks.finish(0)
        assert user.told == ["given up"]
        call.answer()

    live(steps)


def test_a_disk_that_is_parked_does_nothing(live):
    """All that was given to it is done, and what comes waits until it goes on."""

    async def steps(setting):
        other = setting.disks.for_path("/other/web.log")
        done = []
        setting.disk.post(partial(done.append, "before"))
        assert setting.disks.pause() is None
        assert done == ["before"]
        setting.disk.post(partial(done.append, "meanwhile"))
        with pytest.raises(DiskTimeout):
            setting.disk.call(lambda: None)
        assert done == ["before"]
        setting.disks.resume()
        await setting.answered.wait()
        assert asked_in(setting.disk) == asked_in(other) == "procman-disk"
        assert done == ["before", "meanwhile"]

    live(steps)


def test_where_one_disk_cannot_be_parked_none_is(live):
    """It is said which."""

    async def steps(setting):
        other = setting.disks.for_path("/other/web.log")
        asked_in(other)
        call = setting.silence()
        assert setting.disks.pause() == "the disk of /logs does not answer"
        assert asked_in(other) == "procman-disk"
        await setting.ends(call)
        assert asked_in(setting.disk) == "procman-disk"

    live(steps)


def test_a_thread_takes_no_signals_and_ends(live):
    """They are for who has the loop."""

    async def steps(setting):
        before = set(threading.enumerate())
        mask = setting.disks.for_path("/other/web.log").call(partial(signal.pthread_sigmask, signal.SIG_BLOCK, ()))
        assert {signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR2} <= mask
        (thread,) = set(threading.enumerate()) - before
        setting.disks.close()
        thread.join(30)
        assert not thread.is_alive()

    live(steps)


def test_where_there_can_be_no_thread_it_is_done_without(live):
    """A user who may have no more of them still has logs."""

    async def steps(setting):
        def refuse(_):
            raise RuntimeError("can't start new thread")

        setting.monkeypatch.setattr(threading.Thread, "start", refuse)
        disk = setting.disks.for_path("/other/web.log")
        descriptors = os.listdir("/proc/self/fd")
        assert asked_in(disk) == threading.current_thread().name
        assert await disk.call_async(lambda: "read") == "read"
        assert not disk.add_reader(0, None)
        assert len(os.listdir("/proc/self/fd")) == len(descriptors)

    live(steps)

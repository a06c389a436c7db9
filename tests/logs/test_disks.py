"""Who waits for a disk that does not answer, and who does not."""

import asyncio
import signal
import threading
from functools import partial

import pytest
from clocks import Clock

from procman.logs import disks as module
from procman.logs.disks import DOUBTED_FOR, LEASE, SLOW, Disks, NoAnswer


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


class Waiting:
    def __init__(self, asks=lambda: None):
        self.told = []
        self.heard = asyncio.Event()
        self._asks = asks

    def go_on(self):
        self.told.append("go on")
        self.heard.set()
        self._asks()

    def give_up(self):
        self.told.append("give up")


class Setting:
    def __init__(self):
        self.said = []
        self.clock = Clock()
        self.disks = Disks(asyncio.get_running_loop(), self._say, clock=self.clock)
        self.disk = self.disks.of("/logs/web.log")
        self._heard = asyncio.Event()

    def _say(self, text):
        self.said.append(text)
        self._heard.set()

    async def hears(self):
        await self._heard.wait()
        self._heard.clear()
        return self.said[-1]

    def silence(self):
        """The disk does not answer any more; what it was asked."""
        call = Silent()
        self.late = asyncio.get_running_loop().create_future()
        with pytest.raises(NoAnswer):
            self.disk.do(call, lambda outcome: self.late.set_result(outcome()))
        return call


def running(steps):
    """A test whose steps are a coroutine, given a Setting."""

    def test(*arguments, **options):
        async def live():
            setting = Setting()
            await asyncio.wait_for(steps(setting, *arguments, **options), 30)
            setting.disks.close()

        asyncio.run(live())

    test.__name__, test.__doc__ = steps.__name__, steps.__doc__
    return test


def asked_in(disk):
    return disk.do(lambda: threading.current_thread().name)


@running
async def test_a_disk_that_has_just_answered_is_asked_directly(setting):
    """By a deputy before that, and again when some time has passed."""
    here = threading.current_thread().name
    assert asked_in(setting.disk) == "procman-disk"
    assert asked_in(setting.disk) == here
    setting.clock.now += LEASE / 2
    assert asked_in(setting.disk) == here
    setting.clock.now += LEASE / 2
    assert asked_in(setting.disk) == "procman-disk"


@running
async def test_nobody_waits_for_a_disk_that_does_not_answer(setting):
    """What it was asked is done when it answers, what comes meanwhile is not; who waits for it is called in turn."""
    call = setting.silence()
    assert not setting.disk.answers
    done = []
    with pytest.raises(NoAnswer):
        setting.disk.do(partial(done.append, "now"))
    first, second = Waiting(), Waiting()
    setting.disk.wait(first)
    setting.disk.wait(second)
    call.answer()
    assert await setting.late == "done"
    assert setting.disk.answers
    assert (done, first.told, second.told) == ([], ["go on"], ["go on"])


@running
async def test_a_disk_that_falls_silent_again_lets_the_others_wait_on(setting):
    """Only the one whose turn it was has asked."""
    call, again = setting.silence(), Silent()

    def ask():
        with pytest.raises(NoAnswer):
            setting.disk.do(again)

    setting.clock.now += 1
    first, second = Waiting(ask), Waiting()
    setting.disk.wait(first)
    setting.disk.wait(second)

    # Its answer is late, and so it is not asked directly.
    setting.clock.now += 2 * SLOW
    call.answer()
    await first.heard.wait()
    assert second.told == []
    again.answer()
    await second.heard.wait()
    assert first.told == ["go on"]


@running
async def test_an_error_is_whose_call_it_was(setting):
    """At once, and late."""

    def fail():
        raise OSError(5, "I/O error")

    with pytest.raises(OSError, match="I/O"):
        setting.disk.do(fail)
    setting.clock.now += 1
    call = Silent()

    def late():
        call()
        raise OSError(5, "late")

    heard = asyncio.get_running_loop().create_future()
    with pytest.raises(NoAnswer):
        setting.disk.do(late, heard.set_result)
    call.answer()
    with pytest.raises(OSError, match="late"):
        (await heard)()


@running
async def test_its_silence_is_said_and_its_end(setting):
    """Once each, with the folder and how long that was."""
    said_after, module.SAID_AFTER = module.SAID_AFTER, 0
    try:
        call = setting.silence()
        assert await setting.hears() == (
            "the disk of /logs does not answer; what is to be written there waits, and everything else goes on"
        )
        assert setting.disk.is_silent
        assert setting.disk.obstacle == "the disk of /logs does not answer"
        setting.clock.now += 7
        call.answer()
        assert await setting.hears() == "the disk of /logs answers again, after 7 seconds"
        assert not setting.disk.is_silent
        assert setting.disks.obstacle is None
    finally:
        module.SAID_AFTER = said_after


@running
async def test_a_short_silence_is_not_worth_a_word(setting):
    """Of a machine that was busy nobody has to hear."""
    call = setting.silence()
    call.answer()
    await setting.late
    assert setting.said == []


@running
async def test_a_disk_that_was_slow_is_asked_by_a_deputy_for_a_while(setting):
    """However often it answers."""
    asked_in(setting.disk)

    def slow():
        setting.clock.now += SLOW + 0.01

    setting.disk.do_here(slow)
    assert setting.disk.is_doubted
    assert {asked_in(setting.disk) for _ in range(3)} == {"procman-disk"}
    setting.clock.now += DOUBTED_FOR
    assert asked_in(setting.disk) == "procman-disk"
    assert asked_in(setting.disk) == threading.current_thread().name


@running
async def test_what_somebody_asks_for_holds_nobody_up(setting):
    """The loop runs meanwhile, and so does everybody who writes."""
    call = Silent("the log")
    reading = asyncio.create_task(setting.disks.ask("/logs/web.log", call))
    await asyncio.to_thread(call.asked.wait, 30)
    assert asked_in(setting.disk) == "procman-disk"
    call.answer()
    assert await reading == "the log"
    # Just answered.
    assert await setting.disks.ask("/logs/web.log", threading.current_thread) is threading.current_thread()


@running
async def test_who_asks_is_told_that_there_is_no_answer(setting):
    """At once where that is known; for each of too many that ask; and after some time."""
    calls = [Silent() for _ in range(module.MOST_ASKED)]
    tasks = [asyncio.create_task(setting.disks.ask("/logs/web.log", call)) for call in calls]
    await asyncio.sleep(0)
    with pytest.raises(NoAnswer):
        await setting.disks.ask("/logs/web.log", list)
    for call in calls:
        call.answer()
    assert await asyncio.gather(*tasks) == ["done"] * len(calls)
    within, module.ASKED_WITHIN = module.ASKED_WITHIN, 0
    try:
        last = Silent()
        with pytest.raises(NoAnswer):
            await setting.disks.ask("/logs/web.log", last)
        last.answer()
    finally:
        module.ASKED_WITHIN = within
    call = setting.silence()
    with pytest.raises(NoAnswer):
        await setting.disks.ask("/logs/other.log", list)
    call.answer()
    await setting.late


@running
async def test_two_folders_of_one_device_are_one_disk(setting):
    """From when that is known; others are not."""
    first, second = setting.disks.of("/logs/web.log"), setting.disks.of("/more/db.log")
    assert first is not second
    assert setting.disks.found("/logs/web.log", 7) is first
    assert setting.disks.found("/more/db.log", 7) is first
    assert setting.disks.of("/more/other.log") is first
    other = setting.disks.found("/logs/link.log", 8)
    assert other is not first
    assert setting.disks.of("/logs/web.log") is first
    assert setting.disks.found("/third/web.log", 8) is setting.disks.of("/third/db.log") is other


@running
async def test_an_end_waits_for_a_disk_but_not_for_long(setting):
    """Who has something for it is called while there is time, and told when there is none left."""
    call, waiting = setting.silence(), Waiting()
    setting.disk.wait(waiting)
    setting.disks.settle(0)
    assert waiting.told == ["give up"]
    call.answer()
    setting.disk.wait(waiting)
    setting.disks.settle(30)
    assert waiting.told == ["give up", "go on"]
    assert setting.late.result() == "done"


@running
async def test_a_deputy_takes_no_signals_and_serves_many(setting):
    """They are for who has the loop; and one thread is enough as long as a disk answers."""
    before = set(threading.enumerate())
    masks = set()
    for _ in range(20):
        setting.clock.now += 1
        masks.add(frozenset(setting.disk.do(partial(signal.pthread_sigmask, signal.SIG_BLOCK, ()))))
    (mask,) = masks
    assert {signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR2} <= mask
    (deputy,) = set(threading.enumerate()) - before
    setting.disks.close()
    deputy.join(30)
    assert not deputy.is_alive()


@running
async def test_where_there_can_be_no_thread_it_is_done_without(setting):
    """A user who may have no more of them still has logs."""
    start = threading.Thread.start

    def refuse(_):
        raise RuntimeError("can't start new thread")

    threading.Thread.start = refuse
    try:
        assert asked_in(setting.disk) == threading.current_thread().name
        assert await setting.disks.ask("/logs/web.log", lambda: "read") == "read"
    finally:
        threading.Thread.start = start

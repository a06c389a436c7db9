"""The thread of a disk: what waits for a disk that does not answer, and what does not."""

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
from tests.support.silent_disk import SilentCall, hurried, thread_name


def test_all_calls_run_on_one_thread_in_order(run_with_disk):
    """Whether their outcome is waited for or not."""

    async def steps(held):
        done = []
        for number in range(100):
            held.disk.post(partial(done.append, number))
        assert thread_name(held.disk) == "procman-disk"
        assert done == list(range(100))
        assert await held.disk.call_async(threading.current_thread) is held.disk.call(threading.current_thread)

    run_with_disk(steps)


def test_calls_to_a_stuck_disk_fail_at_once(run_with_disk):
    """The call that hangs ends later; calls made meanwhile fail, and posted ones are done afterwards."""

    async def steps(held):
        call = held.silence()
        done = []
        with pytest.raises(DiskTimeout):
            held.disk.call(partial(done.append, "at once"))
        with pytest.raises(DiskTimeout):
            await held.disk.call_async(partial(done.append, "for somebody"))
        held.disk.post(partial(done.append, "later"))
        await held.answer(call)
        held.disk.call(partial(done.append, "now"))
        assert done == ["later", "now"]

    run_with_disk(steps)


def test_all_waits_in_one_turn_of_the_loop_share_one_limit(run_with_disk):
    """Calls that take longer together leave no time for another; the next turn of the loop may wait again."""

    async def steps(held):
        def slow():
            held.clock.now += 0.6 * held.disks._side.turn_limit

        held.disk.call(slow)
        held.disk.call(slow)
        late = SilentCall()
        with pytest.raises(DiskTimeout):
            held.disk.call(late)
        assert not held.disk.is_stuck
        late.answer()
        await asyncio.sleep(0)
        assert thread_name(held.disk) == "procman-disk"
        held.disk.call(slow)
        held.disk.call(slow)
        held.disks.lift_limit()
        assert thread_name(held.disk) == "procman-disk"

    run_with_disk(steps)


def keep_busy(disk, calls):
    """Give it so many calls of 10 ms; returns a list that grows with each that is done."""
    done = []
    for number in range(calls):
        disk.post(partial(time.sleep, 0.01))
        disk.post(partial(done.append, number))
    return done


def test_a_disk_that_is_busy_with_other_calls_is_not_stuck(run_with_disk):
    """The loop does not wait for them, unless the caller says that it has to."""

    async def steps(held):
        done = keep_busy(held.disk, 30)
        with hurried(held.disks), pytest.raises(DiskTimeout):
            held.disk.call(lambda: None)
        assert len(done) < 30
        assert not held.disk.is_stuck
        held.disk.call(lambda: None, even_if_busy=True)
        assert len(done) == 30

    run_with_disk(steps)


def test_what_was_given_to_a_busy_disk_is_done_when_it_is_flushed(run_with_disk):
    """A client that is answered then finds it in the file, also where that has taken longer than the loop may wait."""

    async def steps(held):
        done = keep_busy(held.disk, 10)
        await held.disks.flush()
        assert len(done) == 10

    run_with_disk(steps)


def test_each_disk_has_a_thread_of_its_own(run_with_disk):
    """A stuck disk does not delay another one."""

    async def steps(held):
        call = held.silence()
        assert thread_name(held.disks.for_path("/other/web.log")) == "procman-disk"
        await held.answer(call)

    run_with_disk(steps)


def test_an_error_is_raised_in_the_caller(run_with_disk):
    """The error of a posted call goes to the loop's exception handler."""

    async def steps(held):
        def fail():
            raise OSError(5, "I/O error")

        with pytest.raises(OSError, match="I/O"):
            held.disk.call(fail)
        with pytest.raises(OSError, match="I/O"):
            await held.disk.call_async(fail)
        heard = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.set_result(context["exception"]))
        held.disk.post(fail)
        assert "I/O" in str(await heard)
        assert thread_name(held.disk) == "procman-disk"

    run_with_disk(steps)


@pytest.mark.parametrize("asked", [True, False])
def test_a_silent_disk_is_reported_and_its_return_too(run_with_disk, asked):
    """Once each, with the folder and the duration, whether a call was waited for or not."""

    async def steps(held):
        held.monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
        held.monkeypatch.setattr(module, "REPORT_AFTER", 0)
        if asked:
            call = held.silence()
        else:
            call = SilentCall()
            held.disk.post(call)
        assert await held.next_report() == (
            "the disk of /logs does not answer; what is to be written there waits, and everything else goes on"
        )
        assert held.disk.health.is_unresponsive
        assert held.disk.obstacle == held.disks.obstacle == "the disk of /logs does not answer"
        held.clock.now += 7
        call.answer()
        assert await held.next_report() == "the disk of /logs answers again, after 7 seconds"
        assert not held.disk.health.is_unresponsive
        assert held.disks.obstacle is None
        assert len(held.reports) == 2

    run_with_disk(steps)


def test_a_short_silence_is_not_reported(run_with_disk):
    """The machine may only have been busy."""

    async def steps(held):
        await held.answer(held.silence())
        assert held.reports == []

    run_with_disk(steps)


def test_a_disk_is_checked_only_while_it_is_busy(run_with_disk):
    """An idle disk has no timer."""

    async def steps(held):
        delays, checked = held.count_checks()
        disk = held.disks.for_path("/other/web.log")
        await checked.wait()
        assert (len(delays), disk.health._timer) == (1, None)
        call = SilentCall()
        disk.post(call)
        while len(delays) < 4:
            checked.clear()
            await checked.wait()
        call.answer()
        while disk.health._timer is not None:
            checked.clear()
            await checked.wait()
        assert set(delays) == {0.01}

    run_with_disk(steps)


def test_a_slow_disk_is_suspect_for_a_while(run_with_disk):
    """Quick answers in between do not change that."""

    async def steps(held):
        def slow():
            held.clock.now += SLOW + 0.01

        held.disk.call(slow)
        assert held.disk.health.is_suspect
        held.clock.now += SUSPECT_FOR
        assert not held.disk.health.is_suspect

    run_with_disk(steps)


def test_an_answer_holds_for_a_moment(run_with_disk):
    """The disk is probed again after ANSWER_HOLDS."""

    async def steps(held):
        assert not held.disk.health.has_answered
        held.disk.health.note_answer()
        assert held.disk.health.has_answered
        held.clock.now += ANSWER_HOLDS
        assert not held.disk.health.has_answered

    run_with_disk(steps)


def test_an_asynchronous_call_times_out(run_with_disk):
    """The loop runs meanwhile."""

    async def steps(held):
        call = SilentCall("the log")
        reading = asyncio.create_task(held.disk.call_async(call))
        await asyncio.to_thread(call.asked.wait, 30)
        call.answer()
        assert await reading == "the log"
        last = SilentCall()
        with pytest.raises(DiskTimeout):
            await held.disk.call_async(last, 0)
        last.answer()

    run_with_disk(steps)


def test_a_flush_waits_for_a_thread_that_gets_no_processor(run_with_disk):
    """For longer than the loop does, as the loop runs meanwhile; not for a disk that is stuck."""

    async def steps(held):
        done = []
        for number in range(3):
            held.disk.post(partial(time.sleep, module.LOOP_WAIT))
            held.disk.post(partial(done.append, number))
        await held.disks.flush()
        assert done == [0, 1, 2]
        call = held.silence()
        held.disk.post(partial(done.append, "late"))
        await held.disks.flush()
        assert done == [0, 1, 2]
        await held.answer(call)
        await held.disks.flush()
        assert done == [0, 1, 2, "late"]

    run_with_disk(steps)


def test_a_disk_thread_blocks_signals_and_ends_on_close(run_with_disk):
    """Signals are for the thread of the loop."""

    async def steps(held):
        before = set(threading.enumerate())
        mask = held.disks.for_path("/other/web.log").call(partial(signal.pthread_sigmask, signal.SIG_BLOCK, ()))
        assert {signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR2} <= mask
        (thread,) = set(threading.enumerate()) - before
        held.disks.close()
        thread.join(30)
        assert not thread.is_alive()

    run_with_disk(steps)


def test_without_a_thread_calls_run_on_the_loop(run_with_disk):
    """A user who may have no more threads still has logs."""

    async def steps(held):
        def refuse(_):
            raise RuntimeError("can't start new thread")

        held.monkeypatch.setattr(threading.Thread, "start", refuse)
        disk = held.disks.for_path("/other/web.log")
        descriptors = os.listdir("/proc/self/fd")
        assert thread_name(disk) == threading.current_thread().name
        assert await disk.call_async(lambda: "read") == "read"
        assert not disk.add_reader(0, None)
        assert len(os.listdir("/proc/self/fd")) == len(descriptors)

    run_with_disk(steps)

"""What is done beside the loop: the loop goes on, one thing comes after the other, and nobody waits for ever."""

import _thread
import asyncio
import signal
import threading

import pytest

from procman.runtime.call_queue import CallQueue, TakesTooLong

PATIENCE = 30.0


def test_the_loop_goes_on_meanwhile():
    """It is the loop that lets it end."""
    go_on = threading.Event()

    async def main() -> str:
        asyncio.get_running_loop().call_soon(go_on.set)
        return await CallQueue(PATIENCE).do(lambda: "done" if go_on.wait(PATIENCE) else "held up")

    assert asyncio.run(main()) == "done"


def test_what_it_raises_is_raised():
    """An exception reaches the caller, and the next call has its turn."""

    async def main() -> int:
        queue = CallQueue(PATIENCE)
        with pytest.raises(ZeroDivisionError):
            await queue.do(lambda: 1 // 0)
        return await queue.do(lambda: 1)

    assert asyncio.run(main()) == 1


def test_one_thing_comes_after_the_other():
    """In the order in which they were asked for."""
    under_way, seen = [], []

    def call(number: int) -> int:
        under_way.append(number)
        seen.append(tuple(under_way))
        under_way.remove(number)
        return number

    async def main() -> list[int]:
        queue = CallQueue(PATIENCE)
        return await asyncio.gather(*(queue.do(lambda n=n: call(n)) for n in range(20)))

    assert asyncio.run(main()) == list(range(20))
    assert seen == [(number,) for number in range(20)]


def test_what_does_not_end_is_given_up_and_whoever_comes_next_waits_for_it():
    """What was begun is not begun a second time, and its outcome, even an error, disturbs nobody."""
    answers = threading.Event()
    complaints = []

    def hangs() -> None:
        answers.wait(PATIENCE)
        raise OSError

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        queue = CallQueue(0.01, ended.set)
        for _ in range(2):
            with pytest.raises(TakesTooLong):
                await queue.do(hangs)
            assert queue.busy
        answers.set()
        await ended.wait()
        assert not queue.busy

    ended = asyncio.Event()
    asyncio.run(main())
    assert complaints == []


def test_who_asks_may_give_up_by_himself():
    """It goes on, and the next one has its turn when it has ended."""
    answers = threading.Event()

    async def main() -> str:
        queue = CallQueue(PATIENCE)
        asks = asyncio.ensure_future(queue.do(lambda: answers.wait(PATIENCE)))
        await asyncio.sleep(0)
        assert queue.busy
        asks.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asks
        assert queue.busy
        answers.set()
        return await queue.do(lambda: "done")

    assert asyncio.run(main()) == "done"


def test_signals_are_not_for_its_thread():
    """The loop's has the handlers, and may be asleep."""

    async def main() -> set[signal.Signals]:
        return await CallQueue(PATIENCE).do(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    assert {signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP} <= asyncio.run(main())


def test_where_there_can_be_no_thread_it_is_done_all_the_same(monkeypatch):
    """By whoever has asked; what he has blocked is as it was."""

    def none_left(*_) -> None:
        raise RuntimeError

    monkeypatch.setattr(_thread, "start_new_thread", none_left)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    async def main() -> int:
        queue = CallQueue(PATIENCE)
        return await queue.do(lambda: 1) + await queue.do(lambda: 2)

    assert asyncio.run(main()) == 3
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before

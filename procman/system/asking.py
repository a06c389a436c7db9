"""Asks a disk something that it may never answer: that of one log must not keep all programs from being started."""

import _thread
import os
import signal
from collections.abc import Callable

# How long the first is waited for, in seconds; and each other one, where one has not answered already.
PATIENCE = 1.0
SHORT_PATIENCE = 0.05
# So many that hang are let be; what is asked beyond that is not answered.
MOST_HANGING = 32

_ALL = signal.valid_signals()  # to make this set takes 0.1 ms

_hanging: set[object] = set()
os.register_at_fork(after_in_child=_hanging.clear)  # a daemon has left them behind


class Asking:
    """The questions of one reading; the first is waited for that many seconds."""

    def __init__(self, patience: float | None = None) -> None:
        self._patience = PATIENCE if patience is None else patience

    def ask(self, question: Callable[[], bool]) -> bool | None:
        """The answer, whatever is called raises nothing; None where there is none in time."""
        if len(_hanging) >= MOST_HANGING:
            return None
        answers: list[bool] = []
        answered = _thread.allocate_lock()
        answered.acquire()

        def find_out() -> None:
            # Signals are for the thread that has the loop.
            signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)
            answers.append(question())
            _hanging.discard(answered)
            answered.release()

        _hanging.add(answered)
        try:
            _thread.start_new_thread(find_out, ())
        except RuntimeError:  # no more threads for this user: everybody waits, as there is no other way
            _hanging.discard(answered)
            return question()
        # In two halves: a machine that has stood still itself takes no more than one of them.
        half = self._patience / 2
        if answered.acquire(timeout=half) or answered.acquire(timeout=half):
            return answers[0]
        self._patience = SHORT_PATIENCE
        return None

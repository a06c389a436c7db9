"""Runs part of a test in a process of its own, where it may reap any child and change users."""

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any


def in_fork(function: Callable[[], Any]) -> Any:
    """Run `function` in a forked process and return its result; an exception there fails the test."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = (True, function())
        except BaseException:  # noqa: BLE001 - pytest's own exceptions included: nothing may leave the fork
            answer = (False, traceback.format_exc())
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        pickled = pipe.read()
    os.waitpid(pid, 0)
    assert pickled, "the process ended without an answer"
    succeeded, value = pickle.loads(pickled)
    assert succeeded, value
    return value

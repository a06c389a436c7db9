"""Does one job after the other; now and then a job fails, and the worker crashes.

On SIGTERM it finishes its current job. On SIGHUP it reports that it has read its settings again.
"""

import itertools
import random
import signal
import sys
import time

SECONDS_PER_JOB = 0.5
FAILS_ONE_IN = 40

asked_to_leave = False


def leave(*_: object) -> None:
    """Set a flag that `main` checks between two jobs."""
    global asked_to_leave  # noqa: PLW0603 - the handler of a small script
    asked_to_leave = True


def main(number: str) -> None:
    """Work until SIGTERM, or until a job fails."""
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, lambda *_: sys.stderr.write(f"worker {number}: settings read again\n"))
    for job in itertools.count(1):
        time.sleep(SECONDS_PER_JOB)
        if random.randrange(FAILS_ONE_IN) == 0:  # noqa: S311 - no secret depends on it
            sys.exit(f"worker {number}: job {job} went wrong")
        print(f"worker {number}: job {job} is done", flush=True)
        if asked_to_leave:
            print(f"worker {number}: leaves after {job} jobs", flush=True)
            return


main(sys.argv[1])

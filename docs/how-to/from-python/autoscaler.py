"""Keeps as many workers as a queue needs: one for each TASKS tasks in it, at least one, and at most numprocs_max.

    python autoscaler.py PROGRAM TASKS COMMAND...

COMMAND prints how many tasks wait, such as `redis-cli llen celery`. It is asked every ten seconds.
"""

import math
import subprocess
import sys
import time

import procman

PAUSE = 10.0


def needed(command: list[str], tasks: int) -> int:
    """How many workers the queue wants."""
    waiting = int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return max(1, math.ceil(waiting / tasks))


def adjust(client: procman.Client, program: str, wanted: int) -> None:
    """Scale the program where it has another number."""
    now = next(one for one in client.scales() if one["program"] == program)
    most = now["numprocs_max"] or now["in_file"]
    number = min(wanted, most)
    if number != now["numprocs"]:
        client.scale(program, number)
        print(f"{program}: {now['numprocs']} -> {number}", flush=True)


def main() -> None:
    """Until it is stopped."""
    program, tasks, *command = sys.argv[1:]
    with procman.Client() as client:
        while True:
            try:
                adjust(client, program, needed(command, int(tasks)))
            except (procman.Unreachable, procman.ShuttingDown) as error:
                print(f"{error}; trying again", flush=True)  # the master may be upgraded just now
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()

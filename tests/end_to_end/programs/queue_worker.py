"""Stands in for a worker of a queue: `queue_worker.py --max-time=SECONDS …`, with the folder `jobs` for the queue.

A job is a file. With the text "hold" it takes until there is a file `go`; with "hour" an hour has passed after it; any
other one is done at once. After a job the worker ends with 0 if SIGTERM has asked for it, or if its time is over.
"""

import os
import signal
import sys
import time
from pathlib import Path

NAME = os.environ["SUPERVISOR_PROCESS_NAME"]
asked = []
lifetime = next(float(word.partition("=")[2]) for word in sys.argv if word.startswith("--max-time="))
age = 0.0


def take() -> Path | None:
    """A job that no other worker has."""
    for job in sorted(Path("jobs").iterdir()):
        mine = Path("taken") / f"{job.name}.{NAME}"
        try:
            job.rename(mine)
        except FileNotFoundError:
            continue
        return mine
    return None


def say(text: str) -> None:
    print(text, flush=True)


signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
signal.signal(signal.SIGHUP, lambda *_: os.write(1, b"read again\n"))  # print cannot be called within print
say("up")
while not asked and age < lifetime:
    job = take()
    if job is None:
        time.sleep(0.02)
        continue
    text = job.read_text()
    say(f"processing {job.stem}")
    while text == "hold" and not Path("go").exists():
        time.sleep(0.02)
    age += 3600 if text == "hour" else 0
    job.rename(Path("done") / job.stem)
    say(f"done {job.stem}")

"""Prints a line every second, and a goodbye on SIGTERM."""

import itertools
import signal
import sys
import time


def main() -> None:
    """Tick until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for count in itertools.count(1):
            print(f"tick {count}", flush=True)
            time.sleep(1)
    finally:
        print("ticker says goodbye", flush=True)


main()

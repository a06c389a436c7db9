#!/usr/bin/env python3
"""Ends on SIGQUIT, which some servers use for a graceful stop; SIGTERM would end it at once."""

import signal
import sys


def handle(number: int) -> None:
    """Report the signal, and end."""
    print(f"brother: handle signal: {signal.Signals(number).name}", flush=True)
    print("brother: signal quit received, app exit normally", flush=True)
    sys.exit(0)


# Blocked and waited for, so that it is not missed.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGQUIT})
print("dockerapp1-brother is ready", flush=True)
handle(signal.sigwait({signal.SIGQUIT}))

#!/usr/bin/env python3
"""Reports SIGTERM, and does not end."""

import signal


def handle(number: int) -> None:
    """Report the signal, and do nothing else."""
    print(f"handle signal: {signal.Signals(number).name}", flush=True)


SIGNALS = {signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}
# Blocked and waited for, so that none is missed.
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
print("dockerapp2 is ready", flush=True)
while True:
    handle(signal.sigwait(SIGNALS))

"""The entry point of `procman`: as PID 1 it blocks signals before it imports anything else.

The kernel drops a signal for PID 1 that has no handler, but not one that is blocked (pid_namespaces(7), and
`sig_ignored` in kernel/signal.c). Without this, `docker stop` of a container that has just been started would wait ten
seconds in vain.
"""

import os
import signal

HELD = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def main() -> int:
    """Carry out the arguments of this process; returns the exit status."""
    if os.getpid() == 1:
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    from procman.cli.procman import main as carry_out  # noqa: PLC0415 - this is what takes its time

    return carry_out()

"""Where the command `procman` begins: as PID 1 it holds back who asks for the end before it imports anything.

The kernel drops a signal for PID 1 that has no handler yet, but not one that is blocked (pid_namespaces(7), and
`sig_ignored` in kernel/signal.c). `docker stop` of a container that has just been started would wait its ten seconds
for nothing, and then kill it.
"""

import os
import signal

HELD = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def main() -> int:
    """Do what the arguments of this process say; returns the exit status."""
    if os.getpid() == 1:
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    from procman.cli.procman import main as carry_out  # noqa: PLC0415 - this is what takes its time

    return carry_out()

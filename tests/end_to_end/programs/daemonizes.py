"""Puts itself into the background, as daemon(3) does: two forks, a session of its own, and the first process ends.

    daemonizes.py [PIDFILE]    where the daemon writes its pid

Says "daemon PID is up", and "daemon PID leaves" when it gets SIGTERM.
"""

import os
import signal
import sys
from pathlib import Path

reader, writer = os.pipe()
if os.fork():
    os.read(reader, 1)  # until the daemon is up
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
for pidfile in sys.argv[1:]:
    Path(pidfile).write_text(f"{os.getpid()}\n")
os.write(1, f"daemon {os.getpid()} is up\n".encode())
os.write(writer, b"!")
signal.sigwait({signal.SIGTERM})
os.write(1, f"daemon {os.getpid()} leaves\n".encode())

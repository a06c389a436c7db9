"""A server that takes its socket as sd_listen_fds(3) says, and answers each connection with its version and its pid.

The version is its argument; "bad" does not come up. Where a FIFO NAME.gate lies in its directory, it is ready when that
has been opened. It ends between two connections when it is asked to.
"""

import os
import select
import signal
import socket
import sys


def main() -> None:
    version = sys.argv[1]
    if version == "bad":
        sys.exit(3)
    gate = f"{os.environ['SUPERVISOR_PROCESS_NAME']}.gate"
    if os.path.exists(gate):
        open(gate).close()  # it waits for somebody
    server = socket.socket(fileno=3)
    server.setblocking(False)
    asked, wake = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(wake, b"x"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as master:
        master.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    while True:
        ready = select.select([server, asked], [], [])[0]
        if asked in ready:
            return
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            continue  # another process was quicker
        with connection:
            connection.sendall(f"{version} {os.getpid()}\n".encode())


if __name__ == "__main__":
    main()

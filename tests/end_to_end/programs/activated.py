"""A server that takes its sockets as sd_listen_fds(3) says, and answers each connection with a line about itself."""

import os
import select
import socket
import sys


def main() -> None:
    """The first argument is what it exits with after so many connections (`EXIT/COUNT`); without one it stays."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        sys.exit("LISTEN_PID is not this process")
    count = int(os.environ["LISTEN_FDS"])
    names = os.environ["LISTEN_FDNAMES"].split(":")
    sockets = {socket.socket(fileno=3 + number): names[number] for number in range(count)}
    last = sys.argv[1].split("/") if len(sys.argv) > 1 else None
    print("serving", " ".join(names), flush=True)
    served = 0
    while last is None or served < int(last[1]):
        for ready in select.select(list(sockets), [], [])[0]:
            connection, _ = ready.accept()
            connection.sendall(f"{sockets[ready]} {os.getpid()}\n".encode())
            connection.close()
            served += 1
    sys.exit(int(last[0]))


if __name__ == "__main__":
    main()

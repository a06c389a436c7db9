"""A FastCGI program for tests: reports its fd 0 on the socket in argv[1], and waits for clients."""

import fcntl
import json
import os
import socket
import stat
import sys

shared = socket.socket(fileno=0)
report = {
    "process": f"{os.environ['SUPERVISOR_GROUP_NAME']}:{os.environ['SUPERVISOR_PROCESS_NAME']}",
    "pid": os.getpid(),
    "inode": os.fstat(0).st_ino,
    "family": shared.family.name,
    "type": shared.type.name,
    "address": shared.getsockname(),
    "listens": shared.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
    "address can be used again": shared.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR),
    "blocks": not fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK,
    "stdout and stderr are pipes": [stat.S_ISFIFO(os.fstat(fd).st_mode) for fd in (1, 2)],
    "further descriptors": [fd for fd in range(3, 256) if os.path.exists(f"/proc/self/fd/{fd}")],
}
if shared.family is socket.AF_INET:
    # https://man7.org/linux/man-pages/man7/tcp.7.html: in a listening socket this field holds its backlog.
    info = shared.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    report["backlog"] = int.from_bytes(info[28:32], sys.byteorder)
with socket.socket(socket.AF_UNIX) as bell:
    bell.connect(sys.argv[1])
    bell.sendall(json.dumps(report).encode())
while True:
    client, _ = shared.accept()
    client.sendall(report["process"].encode())
    client.close()

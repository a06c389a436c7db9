"""Inputs for the fuzzers: real files, pieces of files, and ways to damage them."""

import os
from pathlib import Path

from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PROCMAN_SHARED", ROOT.parent / "shared"))

INI_FILES = [path.read_bytes() for path in sorted(ROOT.glob("conf/**/*.conf"))]
TOML_FILES = [path.read_bytes() for path in sorted(ROOT.glob("conf/**/*.toml"))]
# Files from the wild, where they are there; those of the project are always.
INI_FILES += [path.read_bytes() for path in sorted((SHARED / "corpus").glob("*.conf"))[:40]]

INI_PIECES = [
    *("[supervisord]", "[program:web]", "[program:", "[group:g]", "[eventlistener:l]", "[fcgi-program:f]", "[include]"),
    *("[unix_http_server]", "[inet_http_server:x]", "[rpcinterface:s]", "[DEFAULT]", "[]", "[a]b]", "]", "["),
    *("command=x", "command = 'x", "numprocs=3", "numprocs=4194305", "numprocs=-1", "process_name=%(process_num)02d"),
    *("environment=A=1,B='2',C", 'environment=A="%(ENV_HOME)s"', "environment=,=", "environment=A=\\"),
    *("priority=1e3", "priority=99999999999999999999999", "startsecs=nan", "startsecs=inf", "stopwaitsecs=-5"),
    *("exitcodes=0,,1", "exitcodes=" + "9" * 5000, "stopsignal=SIGRTMAX", "stopsignal=-1", "umask=0o22", "umask=8"),
    *("user=99999999999999", "user=\u0663", "user=", "directory=%(here)s/x", "directory=~root", "chown=a:b:c"),
    *("stdout_logfile=a,b,-", "stdout_logfile=%(program_name)s", "stdout_logfile_maxbytes=5GBB", "logfile=syslog"),
    *("serverurl=AUTO", "serverurl=unix://", "port=*:0", "port=[::1]:9001", "port=a:b", "port=", "file=%(x)s"),
    *("socket=tcp://x:99999", "socket=unix://rel", "socket=unix://" + "x" * 300, "socket_mode=9", "events=TICK,,x"),
    *("buffer_size=0", "result_handler=a:b", "result_handler=os..path:x[", "programs=web,,g,f", "files=*.conf \0"),
    *("%", "%%", "%s", "%(", "%(x)", "%()s", "%(here)99999999s", "%(here)d", "%(here)*d", "%(a(b)c)s"),
    *("=", ":", ";", "#", " ; x", "\t", "  more", "\u2028", "\u0085", "\ufeff", "\x00", "\r", "\x1b[2J", "\u202e"),
    *("shutdown_timeout=1d", "exit_code_from=web", "critical=maybe", "stop_scope=tree", "leftovers=x"),
    *("username=a", "password={SHA}x", "readonly_username=a", "log_format=json", "log_overflow=drop", "loglevel=x"),
]  # fmt: skip
TOML_PIECES = [
    *("[procman]", "[program.web]", '[program."a b"]', "[program]", "[[program.x]]", "[group.g]", "[eventlistener.l]"),
    *("[fcgi-program.f]", "[unix_http_server]", "[inet_http_server.x]", 'include = ["*.toml"]', 'include = "x"'),
    *("include = [1]", 'include = ["\\u0000"]', 'command = "x"', 'command = ["a", "b"]', "command = []", "command = 1"),
    *("numprocs = 3", "numprocs = 1e3", "numprocs = true", "numprocs = 4_194_305", "priority = 0x7fffffffffffffff"),
    *('environment = { A = "1" }', "environment = { A = [] }", 'environment = { "" = 1 }', "environment = 1"),
    *("startsecs = nan", "startsecs = inf", 'startsecs = "1h"', "startsecs = 1979-05-27"),
    *("umask = 0o22", 'umask = "022"', "exitcodes = [256]", 'events = ["TICK"]', "stdout_logfile = [1]"),
    *('stdout_logfile = ["a", "-"]', "port = 99999", 'port = "[::1]:1"', "a.b.c = 1", '"" = 1', "a.'b.c' = 1"),
    *('"""', "'''", '"', "'", "\\", "{", "}", "[", "]", "=", ".", "#", "\n", "\r\n", "\x00", "\u202e", "inf"),
    *("x = [[[[[[", "x = {a = {a = {", "%(here)s", '"%s"', '"%(x)s"', "1", "-", "+", "_", "0b1", "07:32:00", "true"),
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """A file with some bytes removed, doubled, swapped or replaced."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 40))
        match draw(st.sampled_from(["cut", "twice", "insert", "flip", "end", "move"])):
            case "cut":
                del data[at : at + length]
            case "twice":
                data[at:at] = data[at : at + length] * draw(st.integers(1, 3))
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case "flip":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "end":
                del data[at:]
            case _:
                piece = data[at : at + length]
                del data[at : at + length]
                to = draw(st.integers(0, len(data)))
                data[to:to] = piece
    return bytes(data)


def assembled(pieces: list[str]) -> st.SearchStrategy[bytes]:
    """Lines made of these pieces and of arbitrary text."""
    line = st.lists(st.one_of(st.sampled_from(pieces), st.text(max_size=6)), min_size=1, max_size=3).map("".join)
    return st.lists(st.one_of(st.sampled_from(pieces), line), max_size=30).map(
        lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
    )

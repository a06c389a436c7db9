"""Recognises commands of well-known programs that go into the background, and says what keeps them in the foreground.

A program that goes into the background has ended for procman, which restarts it again and again.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from os.path import basename

from procman.system.shell_split import split_words

# Flags that keep a program in the foreground; the first one is proposed. A version after the name is ignored.
_STAYS_WITH: dict[str, tuple[str, ...]] = {
    "nginx": ("daemon off",),
    "apache": ("-D FOREGROUND", "-DFOREGROUND", "-X", "-DNO_DETACH"),
    "httpd": ("-D FOREGROUND", "-DFOREGROUND", "-X", "-DNO_DETACH"),
    "apachectl": ("-D FOREGROUND", "-DFOREGROUND"),
    "apache2ctl": ("-D FOREGROUND", "-DFOREGROUND"),
    "lighttpd": ("-D",),
    "php-fpm": ("-F", "--nodaemonize"),
    "sshd": ("-D", "-d", "-i"),
    "cron": ("-f",),
    "crond": ("-f", "-n", "-x", "-d"),
    "atd": ("-f", "-d"),
    "rsyslogd": ("-n",),
    "syslog-ng": ("-F", "--foreground"),
    "dovecot": ("-F",),
    "opendkim": ("-f",),
    "opendmarc": ("-f",),
    "proftpd": ("-n", "--nodaemon"),
    "smbd": ("-F", "--foreground", "-i", "--interactive"),
    "nmbd": ("-F", "--foreground", "-i", "--interactive"),
    "winbindd": ("-F", "--foreground", "-i", "--interactive"),
    "named": ("-f", "-g"),
    "dnsmasq": ("-k", "--keep-in-foreground", "-d", "--no-daemon"),
    "slapd": ("-d 0", "-d"),
    "ntpd": ("-n", "-d", "--nofork"),
    "chronyd": ("-n", "-d"),
    "squid": ("--foreground", "-N"),
    "varnishd": ("-F", "-d"),
    "keepalived": ("-n", "--dont-fork"),
    "zabbix_agentd": ("-f", "--foreground"),
    "zabbix_server": ("-f", "--foreground"),
    "snmpd": ("-f",),
    "collectd": ("-f",),
    "fail2ban-server": ("-f",),
    "supervisord": ("-n", "--nodaemon"),
    "setsid": ("--wait", "-w"),
}

_APPLICATION = "write the command of the application itself"
_DAEMON = "write the command of the daemon itself, with its flag for the foreground"

# Flags that put a program into the background; unless noted below, they should be left out.
_LEAVES_WITH: dict[str, tuple[str, ...]] = {
    "redis-server": ("--daemonize yes",),
    "memcached": ("-d", "--daemon"),
    "mongod": ("--fork",),
    "mysqld": ("--daemonize", "-D"),
    "haproxy": ("-D",),
    "rabbitmq-server": ("-detached",),
    "dbus-daemon": ("--fork",),
    "spamd": ("-d", "--daemonize"),
    "postgrey": ("-d", "--daemonize"),
    "gunicorn": ("-D", "--daemon"),
    "uwsgi": ("-d", "--daemonize", "--daemonize2"),
    "celery": ("-D", "--detach", "multi"),
    "unicorn": ("-D", "--daemonize"),
    "puma": ("-d", "--daemon"),
    "thin": ("-d", "--daemonize"),
    "sidekiq": ("-d", "--daemon"),
    "docker": ("-d", "--detach"),
    "podman": ("-d", "--detach"),
    "docker-compose": ("-d", "--detach"),
    "exim": ("-bd",),
    "sendmail": ("-bd",),
    "postfix": ("start",),
    "caddy": ("start",),
    "pm2": ("start",),
    "forever": ("start",),
    "pg_ctl": ("start",),
    "screen": ("-dm", "-dmS", "-d"),
    "tmux": ("-d",),
    "start-stop-daemon": ("-b", "--background"),
    "procman": ("--daemon", "run -d", "--background"),
    "service": ("start", "restart"),
    "systemctl": ("start", "restart"),
    "rc-service": ("start", "restart"),
}
_WAYS_OUT = {
    "celery": "write celery worker, without it",
    "nginx": "add -g 'daemon off;', unless its own file says so",
    "crond": "add -f, or -n where it is that of cronie",
    "exim": "write -bdf",
    "sendmail": "write -bD",
    "postfix": "write postfix start-fg",
    "caddy": "write caddy run",
    "pm2": f"write pm2-runtime, or {_APPLICATION.removeprefix('write ')}",
    "forever": _APPLICATION,
    "pg_ctl": "write postgres -D and its directory",
    "screen": "write -D -m",
    "procman": "leave that flag out",
    "service": _DAEMON,
    "systemctl": _DAEMON,
    "rc-service": _DAEMON,
    "init.d": _DAEMON,
}

# Of programs whose command does not show it: their own file has put them into the background.
_BY_FILE = {
    "redis-server": "set daemonize no in its file, or add --daemonize no",
    "haproxy": "leave daemon out of its file, or add -db",
    "mongod": "leave processManagement.fork out of its file",
    "gunicorn": "leave daemon out of its file",
    "uwsgi": "leave daemonize out of its file",
    "puma": "leave daemonize out of its file",
    "mysqld": "add --daemonize=OFF",
    "supervisord": "set nodaemon=true in its file, or add -n",
}

# Commands that run another one; a shell does so with -c.
_BEFORE = frozenset(
    {"exec", "env", "nice", "ionice", "sudo", "gosu", "su-exec", "stdbuf", "tini", "dumb-init", "chpst"}
)
_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
# With these flags a program does not run as a server.
_ASKS = frozenset({"-t", "-V", "--version", "--help", "--test"})
_LARGEST_FILE = 1024 * 1024
_INTO = "into the background, where nothing supervises it"


@dataclass(frozen=True, slots=True)
class Background:
    """What such a command does, and what to write instead: both are parts of one sentence."""

    complaint: str
    way_out: str


def background_of(command: str) -> Background | None:
    """None if it stays in the foreground or is unknown. Reads nginx's own file, so it asks a disk."""
    try:
        words = _of_program(split_words(command))
    except ValueError:
        return None
    if not words or _ASKS.intersection(words[1:]):
        return None
    name = basename(words[0])
    known = name if name in _STAYS_WITH or name in _LEAVES_WITH else name.rstrip("0123456789.")
    leaves = ("start", "restart") if "/init.d/" in words[0] else _LEAVES_WITH.get(known, ())
    way_out = _WAYS_OUT.get("init.d" if "/init.d/" in words[0] else known)
    flag = next((flag for flag in leaves if _has(words, flag)), None)
    if flag is not None and way_out == _DAEMON:
        said = " ".join([name, *words[1:3]]) if name in ("service", "rc-service") else f"{name} {flag}"
        return Background(f"{said} starts a daemon, which nothing supervises, and ends", _DAEMON)
    if flag is not None:
        return Background(f"{name} {flag} goes {_INTO}", way_out or f"leave {flag} out")
    stays = _STAYS_WITH.get(known)
    if stays is None or any(_has(words, flag, among_others=True) for flag in stays) or _is_told_by_file(known, words):
        return None
    return Background(f"{name} goes {_INTO}", way_out or f"add {stays[0]}")


def stay_in_foreground(command: str) -> str:
    """What to do about a command that has been seen to go into the background; "" where it is unknown."""
    known = background_of(command)
    if known is not None:
        return known.way_out
    try:
        words = _of_program(split_words(command))
    except ValueError:
        return ""
    return _BY_FILE.get(basename(words[0]), "") if words else ""


def _of_program(words: list[str]) -> list[str]:
    """The words from the program that runs in the end: after `gosu USER`, or inside `sh -c`."""
    if not words:
        return []
    name = basename(words[0])
    if name in _SHELLS:
        text = next((word for flag, word in pairwise(words) if re.match(r"-\w*c$", flag)), "")
        # The last of several commands remains.
        return _of_program(split_words(re.split(r"&&|;\s*\b", text)[-1]))
    if name in _BEFORE:
        later = (n for n in range(1, len(words)) if _is_known(words[n]) or basename(words[n]) in _BEFORE | _SHELLS)
        start = next(later, 0)
        return _of_program(words[start:]) if start else words
    return words


def _is_known(word: str) -> bool:
    name = basename(word)
    return not {name, name.rstrip("0123456789.")}.isdisjoint({*_STAYS_WITH, *_LEAVES_WITH})


def _has(words: list[str], flag: str, *, among_others: bool = False) -> bool:
    """Whether the flag is given; `among_others`: a letter may be combined with others, as -D in -De."""
    if " " in flag:
        return flag in " ".join(words)
    if any(word == flag or (flag.startswith("--") and word.startswith(f"{flag}=")) for word in words[1:]):
        return True
    letter = flag.removeprefix("-")
    return among_others and len(letter) == 1 and any(re.match(rf"-[A-Za-z]*{letter}", word) for word in words[1:])


def _is_told_by_file(name: str, words: list[str]) -> bool:
    """Whether this is nginx and its own file has `daemon off`; nginx refuses a second one."""
    if name != "nginx":
        return False
    path = next((words[n + 1] for n in range(1, len(words) - 1) if words[n] == "-c"), "/etc/nginx/nginx.conf")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return re.search(r"(?m)^[ \t]*daemon[ \t]+off[ \t]*;", file.read(_LARGEST_FILE)) is not None
    except OSError:
        return False

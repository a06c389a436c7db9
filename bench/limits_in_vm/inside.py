"""Inside the virtual machine: mounts what is needed, executes procman as PID 1, and looks at what it has set.

It is /init, then a program of procman (`verify`), and all that the others are: `hungry`, `forks`.
"""

import ctypes
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path("/run/procman.toml")
INNER = Path("/run/inner.toml")
SLEEPER = Path("/run/inner.pid.of.sleeper")
SITE = "/site"
CGROUPS = Path("/sys/fs/cgroup")
MB = 1 << 20
# Options, what /proc/PID/limits calls them, and soft and hard limits there.
RLIMITS = {
    "nofile": ("300:400", "Max open files", "300", "400"),
    "nproc": ("500", "Max processes", "500", "500"),
    "core": ("0", "Max core file size", "0", "0"),
    "as": ("900MB", "Max address space", str(900 * MB), str(900 * MB)),
    "data": ("800MB", "Max data size", str(800 * MB), str(800 * MB)),
    "stack": ("4MB:8MB", "Max stack size", str(4 * MB), str(8 * MB)),
    "memlock": ("1MB", "Max locked memory", str(MB), str(MB)),
    "rss": ("700MB", "Max resident set", str(700 * MB), str(700 * MB)),
    "fsize": ("16MB", "Max file size", str(16 * MB), str(16 * MB)),
    "cpu": ("1000", "Max cpu time", "1000", "1000"),
    "nice": ("10", "Max nice priority", "10", "10"),
    "rtprio": ("5", "Max realtime priority", "5", "5"),
    "rttime": ("1000000", "Max realtime timeout", "1000000", "1000000"),
    "sigpending": ("100", "Max pending signals", "100", "100"),
    "msgqueue": ("10000", "Max msgqueue size", "10000", "10000"),
}
OF_CGROUP = {"memory.max": str(64 * MB), "memory.high": str(48 * MB), "cpu.max": "150000 100000"}
OF_CGROUP |= {"cpu.weight": "50", "pids.max": "20", "memory.oom.group": "1"}


_INNER = """
[procman]
logfile = "/run/inner.log"
pidfile = "/run/inner.pid"
[unix_http_server]
file = "/run/inner.sock"
[program.sleeper]
command = "/bin/sh -c 'echo $$ > /run/inner.pid.of.sleeper; exec sleep 100000'"
pids_max = 9
"""


def config(memory_max: str = "64MB", nofile: str = "300:400") -> str:
    rlimits = "\n".join(f'rlimit_{name} = "{value}"' for name, (value, *_) in RLIMITS.items() if name != "nofile")
    python = f"{sys.executable} /inside.py"
    return f"""
[procman]
logfile = "/run/procman.log"
pidfile = "/run/procman.pid"
[unix_http_server]
file = "/run/procman.sock"
[program.limited]
command = "sleep 100000"
user = "nobody"
rlimit_nofile = "{nofile}"
{rlimits}
nice = 5
ionice = "best-effort:6"
oom_score_adj = 500
cpu_affinity = "1"
no_new_privs = true
capabilities = ["net_bind_service"]
memory_max = "{memory_max}"
memory_high = "48MB"
cpu_max = 150
cpu_weight = 50
pids_max = 20
oom_group = true
[program.hungry]
command = "{python} hungry"
memory_max = "40MB"
autostart = false
autorestart = false
[program.forks]
command = "{python} forks"
pids_max = 5
autostart = false
[program.best]
command = "sleep 100000"
memory_max = "?64MB"
post_start = "{python} where /run/hook"
health = "exec:{python} where /run/probe"
health_timeout = "30s"
[program.inner]
command = "{sys.executable} -m procman -n -c {INNER}"
memory_max = "200MB"
environment = {{ PYTHONPATH = "{SITE}" }}
stdout_logfile = "/dev/stdout"
redirect_stderr = true
[program.verify]
type = "oneshot"
command = "{python} verify"
stdout_logfile = "/dev/stdout"
stderr_logfile = "/dev/stdout"
depends_on = ["limited", "best"]
environment = {{ PYTHONPATH = "{SITE}" }}
run_timeout = "8m"
"""


def init() -> None:
    """As PID 1, before procman."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("cgroup2", str(CGROUPS))):
        if libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None):
            print(f"cannot mount {place}: {os.strerror(ctypes.get_errno())}", flush=True)
    CONFIG.write_text(config())
    INNER.write_text(_INNER)
    os.environ.update(PYTHONPATH=SITE, PATH="/bin:/usr/bin", PYTHONDONTWRITEBYTECODE="1")
    os.execv(sys.executable, [sys.executable, "-m", "procman", "-c", str(CONFIG)])


def where() -> None:
    """Says in which cgroup it runs."""
    Path(sys.argv[2]).write_text(str(cgroup_of("self")))


def hungry() -> None:
    """A child of it takes more memory than there is; what is a cgroup ends as one, or not."""
    if os.fork() == 0:
        held = bytearray(200 * MB)
        held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])
    time.sleep(1000)


def forks() -> None:
    """Says how many processes it could start."""
    started = 0
    try:
        while started < 100:
            if os.fork() == 0:
                time.sleep(1000)
            started += 1
    except BlockingIOError:
        Path("/run/forks").write_text(str(started))
    time.sleep(1000)


def ctl(*words: str) -> str:
    command = [sys.executable, "-m", "procman.cli.procmanctl", "-c", str(CONFIG), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def check(claim: str, found: object, expected: object) -> bool:
    is_so = found == expected
    print(f"{'ok  ' if is_so else 'FAIL'} {claim}: {found}" + ("" if is_so else f", and not {expected}"), flush=True)
    return is_so


def cgroup_of(pid: str) -> Path:
    return CGROUPS / Path(f"/proc/{pid}/cgroup").read_text().strip().partition("::/")[2]


def _text(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def until(found: object, within: float = 60.0) -> bool:
    end = time.monotonic() + within
    while not found():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def verify() -> None:
    """The program that looks at the others, says what it has found, and switches the machine off."""
    results = [*_of_proc(), *_of_cgroups(), *_of_what_belongs_to_it(), *_in_place(), *_out_of_memory(), *_too_many()]
    print("all of it holds" if all(results) else "NOT all of it holds", flush=True)
    time.sleep(1)
    ctypes.CDLL(None).reboot(0x4321FEDC)


def _of_proc() -> list[bool]:
    pid = ctl("pid", "limited").strip()
    proc = Path("/proc") / pid
    limits = (proc / "limits").read_text()
    found = []
    for name, (_, words, soft, hard) in RLIMITS.items():
        there = re.search(rf"^{words} +(\S+) +(\S+)", limits, re.MULTILINE)
        found.append(check(f"rlimit_{name}", there and there.groups(), (soft, hard)))
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    stat = (proc / "stat").read_text().rpartition(")")[2].split()
    io = ctypes.CDLL(None).syscall(252, 1, int(pid))
    return [
        *found,
        check("nice", stat[16], "5"),
        check("ionice", (io >> 13, io & 0xFF), (2, 6)),
        check("oom_score_adj", (proc / "oom_score_adj").read_text().strip(), "500"),
        check("cpu_affinity", status["Cpus_allowed_list"], "1"),
        check("no_new_privs", status["NoNewPrivs"], "1"),
        check("capabilities", {int(status[f"Cap{one}"], 16) for one in ("Prm", "Eff", "Bnd", "Amb")}, {1 << 10}),
    ]


def _of_cgroups() -> list[bool]:
    pid = ctl("pid", "limited").strip()
    folder = cgroup_of(pid)
    own = cgroup_of("1")
    shown = ctl("status", "--long")
    return [
        *(check(name, (folder / name).read_text().strip(), value) for name, value in OF_CGROUP.items()),
        check("procman itself is not limited", own != folder, True),
        check(
            "a best effort is set, too",
            (cgroup_of(ctl("pid", "best").strip()) / "memory.max").read_text().strip(),
            str(64 * MB),
        ),
        check("nothing is left out", "left out" in shown or "not set" in shown, False),
        check("status --long has it", "memory_max=64MB" in shown, True),
    ]


def _of_what_belongs_to_it() -> list[bool]:
    """Hooks and probes count with their program; a procman within procman has its leaves below its own."""
    best = str(cgroup_of(ctl("pid", "best").strip()))
    files = Path("/run/hook"), Path("/run/probe")
    until(lambda: all(map(_text, files)))
    until(lambda: _text(SLEEPER))
    if not _text(SLEEPER):
        return [check("the inner procman has started its program", ctl("status"), "")]
    sleeper, outer = cgroup_of(_text(SLEEPER)), cgroup_of(ctl("pid", "inner").strip())
    return [
        *(check(f"the {file.name} is in the cgroup of its program", _text(file), best) for file in files),
        check("the inner procman made way", outer.name, "init"),
        check("what it runs is below its leaf", outer.parent.parent in sleeper.parents, True),
        check("and is limited there", (sleeper / "pids.max").read_text().strip(), "9"),
        check("while the outer limit holds", (outer.parent.parent / "memory.max").read_text().strip(), str(200 * MB)),
    ]


def _in_place() -> list[bool]:
    pid = ctl("pid", "limited").strip()
    CONFIG.write_text(config("56MB", "200:250"))
    ctl("update")
    limits = Path(f"/proc/{pid}/limits").read_text()
    files = re.search(r"^Max open files +(\S+) +(\S+)", limits, re.MULTILINE)
    return [
        check("an update leaves the process", ctl("pid", "limited").strip(), pid),
        check("and changes memory_max in place", (cgroup_of(pid) / "memory.max").read_text().strip(), str(56 * MB)),
        check("and rlimit_nofile", files and files.groups(), ("200", "250")),
    ]


def _out_of_memory() -> list[bool]:
    """Of a grandchild: with oom_group (the default) the whole cgroup ends."""
    ctl("start", "hungry")
    ended = until(lambda: "EXITED" in (said := ctl("status", "hungry")) or "BACKOFF" in said or "FATAL" in said)
    reports = json.loads(ctl("crashes", "--json", "hungry"))["crashes"]
    report = json.loads(ctl("crash", "--json", str(reports[-1]["seq"]))) if reports else {}
    return [
        check("a lack of memory in a grandchild ends the program", ended, True),
        check("and the report is certain of that", report.get("oom", {}).get("verdict"), "certain"),
        check("and why says so", "memory" in ctl("why", "hungry"), True),
    ]


def _too_many() -> list[bool]:
    ctl("start", "forks")
    until(Path("/run/forks").exists)
    return [check("pids_max of 5 leaves room for 4 children", Path("/run/forks").read_text(), "4")]


if __name__ == "init":
    init()
elif __name__ == "__main__":
    {"hungry": hungry, "forks": forks, "where": where, "verify": verify}[sys.argv[1]]()

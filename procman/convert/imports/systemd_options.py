"""The keys of a service that are options here: user, folder, variables, limits, rights, output and the stop."""

from procman.convert.imports.draft import Section, duration, ready
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Ready
from procman.convert.imports.unit_reader import UnitReader
from procman.convert.imports.values import bytes_of, seconds_of, signal_of, size
from procman.convert.imports.views import view_of_unit

IGNORED = {
    "Description": "nothing is needed for it",
    "Documentation": "nothing is needed for it",
    "DefaultDependencies": "the machine is up when procman runs",
    "Before": "what is imported and comes later says so itself",
    "WantedBy": "procman starts it",
    "RequiredBy": "procman starts it",
    "Alias": "nothing is needed for it",
    "Also": "nothing is needed for it",
    "Delegate": "a program has a cgroup of its own",
    "NotifyAccess": "its children may speak, too",
    "GuessMainPID": "nothing is needed for it",
    "CPUAccounting": "procman reads it anyway",
    "MemoryAccounting": "procman reads it anyway",
    "TasksAccounting": "procman reads it anyway",
    "IOAccounting": "nothing is needed for it",
    "SyslogIdentifier": "its lines have its name",
    "TimeoutAbortSec": "a watchdog that is missed restarts it as a stop does",
}
_LIMITS = {
    "NOFILE": "nofile", "NPROC": "nproc", "CORE": "core", "AS": "as", "DATA": "data", "STACK": "stack",
    "MEMLOCK": "memlock", "RSS": "rss", "FSIZE": "fsize", "CPU": "cpu", "NICE": "nice", "RTPRIO": "rtprio",
    "RTTIME": "rttime", "SIGPENDING": "sigpending", "MSGQUEUE": "msgqueue",
}  # fmt: skip
_COUNTS = frozenset(("NOFILE", "NPROC", "NICE", "RTPRIO", "RTTIME", "SIGPENDING", "CPU"))
_SCOPES = {
    "control-group": ("tree", "tree"),
    "mixed": ("process", "tree"),
    "process": ("process", "process"),
    "none": ("process", "process"),
}
_FOLDERS = {
    "RuntimeDirectory": "/run",
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
    "ConfigurationDirectory": "/etc",
}
_STOP_AFTER = 90


def read_options(section: Section, reader: UnitReader) -> None:
    """Set all of them."""
    _place(section, reader)
    _environment(section, reader)
    _limits(section, reader)
    _cgroup(section, reader)
    _rights(section, reader)
    view_of_unit(section, reader)
    _stop(section, reader)
    _folders(section, reader)
    for stream in ("stdout", "stderr"):
        _output(section, reader, stream)
    stdin = reader.text("Service", "StandardInput")
    if stdin is not None and stdin != "null":
        how = "its stdin is /dev/null; pty = true gives it a terminal" if stdin.startswith("tty") else "it is /dev/null"
        reader.mark("Service", "StandardInput", Fate.LOST, how)


def _place(section: Section, reader: UnitReader) -> None:
    directory = reader.text("Service", "WorkingDirectory")
    if directory is not None:
        place = reader.place("Service", "WorkingDirectory")
        path = directory.removeprefix("-")
        if path == "~":
            path = f"/home/{reader.user}" if reader.user not in ("", "root") else "/root"
            reader.mark("Service", "WorkingDirectory", Fate.APPROXIMATED, "check the home directory")
        elif path != directory:
            reader.mark("Service", "WorkingDirectory", Fate.APPROXIMATED, "it has to exist")
        section.set("directory", Ready(path), place)
    else:
        # systemd's own.
        section.set("directory", "/")
    for key, option in (("User", "user"), ("Group", "user_group")):
        text = reader.text("Service", key)
        if text is not None:
            section.set(option, text, reader.place("Service", key))
    if reader.user:
        # systemd sets HOME, USER, LOGNAME and SHELL.
        section.set("user_env", value=True, place=reader.place("Service", "User"))
    groups = reader.words("Service", "SupplementaryGroups")
    if groups:
        section.set("supplementary_groups", [*groups], reader.place("Service", "SupplementaryGroups"))
    umask = reader.text("Service", "UMask")
    if umask is not None:
        section.set("umask", umask, reader.place("Service", "UMask"))


def _environment(section: Section, reader: UnitReader) -> None:
    for word in reader.words("Service", "Environment"):
        name, _, value = word.partition("=")
        section.variable(name, Ready(value), reader.place("Service", "Environment"))
    files = []
    for node in reader.all("Service", "EnvironmentFile"):
        text = node.text
        files.append(ready(Ready("?"), Ready(text[1:])) if text.startswith("-") else Ready(text))
    if files:
        section.set("env_file", [*files], reader.place("Service", "EnvironmentFile"))
    passed = reader.words("Service", "PassEnvironment")
    if passed:
        section.set("environment_inherit", ["PATH", *passed], reader.place("Service", "PassEnvironment"))
    unset = reader.words("Service", "UnsetEnvironment")
    names = [name for name in unset if "=" not in name]
    if names:
        section.set("environment_unset", [*names], reader.place("Service", "UnsetEnvironment"))
    for node in reader.all("Service", "LoadCredential"):
        section.add("credentials", Ready(node.text), place=node)


def _limits(section: Section, reader: UnitReader) -> None:
    for key, name in _LIMITS.items():
        text = reader.text("Service", f"Limit{key}")
        if text is not None:
            parts = [_limit(part, counted=key in _COUNTS) for part in text.split(":")]
            section.set(f"rlimit_{name}", Ready(":".join(parts)), reader.place("Service", f"Limit{key}"))
    nice = reader.text("Service", "Nice")
    if nice is not None:
        section.set("nice", _number(nice), reader.place("Service", "Nice"))
    score = reader.text("Service", "OOMScoreAdjust")
    if score is not None:
        section.set("oom_score_adj", _number(score), reader.place("Service", "OOMScoreAdjust"))
    io = reader.text("Service", "IOSchedulingClass")
    level = reader.text("Service", "IOSchedulingPriority")
    if io is not None or level is not None:
        kind = {"1": "realtime", "2": "best-effort", "3": "idle"}.get(io or "2", io or "best-effort")
        value = "idle" if kind == "idle" else f"{kind}:{level or 4}"
        section.set("ionice", Ready(value), reader.first("Service", ("IOSchedulingClass", "IOSchedulingPriority")))
    affinity = reader.text("Service", "CPUAffinity")
    if affinity is not None:
        section.set(
            "cpu_affinity", Ready(",".join(affinity.replace(",", " ").split())), reader.place("Service", "CPUAffinity")
        )


def _limit(text: str, *, counted: bool) -> str:
    if text == "infinity":
        return "unlimited"
    if counted:
        return text
    count = bytes_of(text)
    return text if count is None else str(count)


def _number(text: str) -> str | int:
    return int(text) if text.lstrip("+-").isdecimal() else text


def _cgroup(section: Section, reader: UnitReader) -> None:
    for key, option in (("MemoryMax", "memory_max"), ("MemoryLimit", "memory_max"), ("MemoryHigh", "memory_high")):
        text = reader.text("Service", key)
        if text is None or text == "infinity":
            continue
        count = bytes_of(text)
        if count is None:
            reader.mark("Service", key, Fate.LOST, "a share of the machine: write it as a size")
        else:
            section.set(option, size(count), reader.place("Service", key))
    quota = reader.text("Service", "CPUQuota")
    if quota is not None:
        percent = quota.replace("%%", "").rstrip("%")
        section.set("cpu_max", _number(percent), reader.place("Service", "CPUQuota"))
    for key, option in (("CPUWeight", "cpu_weight"), ("TasksMax", "pids_max")):
        text = reader.text("Service", key)
        if text is None or text == "infinity":
            continue
        if text.isdecimal():
            section.set(option, int(text), reader.place("Service", key))
        else:
            reader.mark("Service", key, Fate.LOST, f"{text} has no counterpart: write a number")
    policy = reader.text("Service", "OOMPolicy")
    if policy is not None:
        section.set("oom_group", policy == "kill", reader.place("Service", "OOMPolicy"))


def _rights(section: Section, reader: UnitReader) -> None:
    if reader.boolean("Service", "NoNewPrivileges"):
        section.set("no_new_privs", value=True, place=reader.place("Service", "NoNewPrivileges"))
    bound = reader.words("Service", "CapabilityBoundingSet")
    ambient = reader.words("Service", "AmbientCapabilities")
    names = bound or ambient
    if not names:
        return
    place = reader.first("Service", ("CapabilityBoundingSet", "AmbientCapabilities"))
    taken = names[0].startswith("~")
    short = [name.lstrip("~").removeprefix("CAP_") for name in names if name.lstrip("~")]
    section.set("capabilities", ["all", *(f"-{name}" for name in short)] if taken else [*(short or ["none"])], place)
    if bound and reader.user and set(bound) != set(ambient):
        why = "its user has them from the start, without a file that gives them"
        reader.mark("Service", "CapabilityBoundingSet", Fate.APPROXIMATED, why)


def _stop(section: Section, reader: UnitReader) -> None:
    for key in ("KillSignal",):
        text = reader.text("Service", key)
        name = signal_of(text) if text is not None else None
        if name is not None:
            section.set("stopsignal", name, reader.place("Service", key))
        elif text is not None:
            reader.mark("Service", key, Fate.LOST, f"there is no signal {text}")
    mode = reader.text("Service", "KillMode") or "control-group"
    stop, kill = _SCOPES.get(mode, _SCOPES["control-group"])
    place = reader.place("Service", "KillMode") if reader.raw("Service", "KillMode") else None
    section.set("stop_scope", stop, place)
    if kill != stop:
        section.set("kill_scope", kill, place)
    if kill == "tree":
        section.set("leftovers", "stop", place)
    if mode == "none":
        reader.mark("Service", "KillMode", Fate.APPROXIMATED, "it gets the stop signal")
    elif mode not in _SCOPES:
        reader.mark("Service", "KillMode", Fate.LOST, f"there is no such mode {mode}")
    text = reader.text("Service", "TimeoutStopSec") or reader.text("Service", "TimeoutSec")
    seconds = _STOP_AFTER if text is None else seconds_of(text)
    if text == "infinity" or seconds is None:
        reader.mark("Service", "TimeoutStopSec", Fate.APPROXIMATED, "an hour, as a stop has an end here")
        seconds = 3600
    section.set("stopwaitsecs", duration(seconds or 3600), reader.place("Service", "TimeoutStopSec") if text else None)
    if reader.boolean("Service", "SendSIGKILL") is False:
        reader.mark("Service", "SendSIGKILL", Fate.LOST, "what does not end in time is killed")


def _folders(section: Section, reader: UnitReader) -> None:
    for key, base in _FOLDERS.items():
        mode = reader.text("Service", f"{key}Mode") or "0755"
        owner = f" -o {reader.user}" if reader.user else ""
        for name in reader.words("Service", key):
            path = f"{base}/{name.partition(':')[0]}"
            section.add(
                "pre_start",
                Ready(f"+install -d -m {mode}{owner} {path}"),
                place=reader.place("Service", key),
                first=True,
            )
            reader.mark("Service", key, Fate.APPROXIMATED, "a hook makes it as the master's user; nothing removes it")


def _output(section: Section, reader: UnitReader, stream: str) -> None:
    key = f"Standard{'Output' if stream == 'stdout' else 'Error'}"
    text = reader.text("Service", key)
    place = reader.place("Service", key) if text is not None else None
    option = f"{stream}_logfile"
    kind, _, path = (text or "").partition(":")
    if (text is None and stream == "stderr") or text == "inherit":
        if stream == "stderr":
            section.set("redirect_stderr", value=True, place=place)
        return
    if kind in ("file", "append", "truncate"):
        section.set(option, Ready(path), place)
        if kind != "append":
            reader.mark("Service", key, Fate.APPROXIMATED, "what is there already stays")
    elif kind == "null":
        section.set(option, "NONE", place)
    else:
        # procman's own output, which is the journal under systemd.
        section.set(option, "-", place)
        if kind not in ("", "journal", "journal+console", "kmsg+console", "syslog"):
            reader.mark("Service", key, Fate.LOST, f"procman has nothing like {text}")

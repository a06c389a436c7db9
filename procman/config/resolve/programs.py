"""Turns one program section into its processes: expansions, `numprocs`, and rules that several options share."""

from typing import Any

from procman.config.formats.expansion import environment_names
from procman.config.formats.raw import RawSection
from procman.config.resolve.health import settle_health
from procman.config.resolve.hooks import settle_hooks
from procman.config.resolve.limit_conflicts import settle_limits
from procman.config.resolve.log_rotation import settle_rotation
from procman.config.resolve.option_reader import OptionReader
from procman.config.resolve.readiness import settle_readiness
from procman.config.resolve.schedules import refuse_many, settle_schedule
from procman.config.resolve.sockets import settle_lazy
from procman.config.resolve.watch import settle_watch
from procman.config.schema.kinds.numbers import MOST_PROCESSES
from procman.config.schema.kinds.paths import is_console
from procman.config.schema.notation import assignment, show_text
from procman.config.schema.options import AUTO, SYSLOG, options_of
from procman.config.schema.programs import Program, Slots
from procman.core.spec import Autorestart, ProcessType, ProgramTemplate, Scope
from procman.system.shell_split import split_words

# More processes than these get a warning of what they cost.
MANY_PROCESSES = 10_000
# Measured for one process: the time to read it, in seconds, and what it takes of the master when it runs with two logs.
READING = 0.0001
MEMORY = 10 / 1024  # MiB
DESCRIPTORS = 5

_SCOPES = ("stop_scope", "stopasgroup", "kill_scope", "killasgroup")

_NO_TERMINALS = {
    "eventlistener": "an event listener has pipes to the master",
    "fcgi-program": "a FastCGI program has its socket as stdin",
}
_NO_ONESHOTS = {"eventlistener": "an event listener", "fcgi-program": "a FastCGI program"}
_FOR_ONESHOTS = {"run_timeout": "a run_timeout", "unknown_exit": "an unknown_exit"}
_NOT_FOR_ONESHOTS = {
    "autorestart": "a one-shot is not restarted when it is done; startretries is for a run that fails",
    "startsecs": "a one-shot may end as quickly as it likes",
    "early_exit": "a one-shot may end as quickly as it likes",
    "start_timeout": "a one-shot is RUNNING when it is spawned; run_timeout limits the run",
    "memory_restart": "a one-shot is not restarted; memory_max limits its memory",
    "max_age": "a one-shot is not restarted; run_timeout limits the run",
    "health": "a one-shot has no health check; run_timeout limits the run",
    "watchdog": "a one-shot has no watchdog; run_timeout limits the run",
}

PROGRAM = options_of(Program)
SLOTS = options_of(Slots)
ONCE = {name: known for name, known in PROGRAM.items() if not known.per_process}
EACH = {name: known for name, known in PROGRAM.items() if known.per_process and name != "environment"}


def valid_name(reading: OptionReader, section: RawSection, name: str, what: str) -> str:
    """The name without surrounding blanks; complains if event headers or web addresses could not hold it."""
    name = name.strip()
    if not name:
        reading.complain(section, None, f"{what} is empty: give it one", "bad-name")
    for letter in " :/":
        if letter in name:
            reading.complain(section, None, f"{what} {show_text(name)} holds {letter!r}: leave it out", "bad-name")
            break
    return name


def name_of(reading: OptionReader, section: RawSection) -> str:
    """The part of the section's name after the colon."""
    return valid_name(reading, section, section.name.partition(":")[2], "the name")


def processes(reading: OptionReader, section: RawSection, group: str) -> list[Program]:
    """The processes of one section, by priority and name, as members of a group."""
    before = len(reading.problems)
    program_name = name_of(reading, section)
    names = reading.names(
        here=reading.here, program_name=program_name, host_node_name=reading.machine.host_node_name, group_name=group
    )
    common = {name: reading.option(section, name, known, names) for name, known in ONCE.items()}
    if reading.raw(section, "killasgroup") is None:
        common["killasgroup"] = common["stopasgroup"]
    _settle_scopes(reading, section, common)
    settle_schedule(reading, section, common)
    _settle_type(reading, section, common)
    settle_lazy(reading, section, common)
    if (common["serverurl"] or "").strip().upper() == "AUTO":
        common["serverurl"] = None
    common["uid"] = reading.uid(section, common["user"])
    settle_limits(reading, section, common)
    asked = reading.option(section, "numprocs", SLOTS["numprocs"], names)
    most = reading.option(section, "numprocs_max", SLOTS["numprocs_max"], names)
    if asked is not None:
        in_file = asked
    else:
        # A file goes for machines with any number of CPUs.
        in_file = reading.machine.cpus() if most is None else min(reading.machine.cpus(), most)
    numprocs = _scaled(reading, section, in_file, most)
    start = reading.option(section, "numprocs_start", SLOTS["numprocs_start"], names)
    # These two are read even if there is no process.
    reading.sections.get(section.name, "environment")
    raw_name = reading.sections.get(section.name, "process_name")
    process_name = SLOTS["process_name"].default if raw_name is None else str(raw_name.value)
    process_name = valid_name(reading, section, process_name, "the process name")
    _check(reading, section, common, numprocs or in_file, process_name)
    refuse_many(reading, section, common, numprocs)
    template = ProgramTemplate(
        section=section.name,
        group=group,
        numprocs=numprocs,
        numprocs_start=start,
        process_name=process_name,
        file_numprocs=in_file,
        numprocs_max=most,
        texts={name: raw.value for name in ("environment", *EACH) if (raw := reading.raw(section, name)) is not None},
    )
    reading.templates.append(template)
    slots: list[Program] = []
    for number in template.numbers:
        names.update(reading.environment, process_num=number, numprocs=numprocs)
        slots.append(_process(reading, section, group, common, names))
        if any(problem.severity == "error" for problem in reading.problems[before:]):
            # The other processes would have the same complaints.
            break
    return sorted(slots, key=lambda slot: (slot.priority, slot.name))


def _scaled(reading: OptionReader, section: RawSection, in_file: int, most: int | None) -> int:
    """How many processes there are to be: what it was scaled to, as long as the file says what it said then."""
    if most is not None and in_file > most:
        message = f"numprocs is {in_file}, and numprocs_max allows {most}: raise it, or lower numprocs"
        reading.complain(section, "numprocs_max", message, "numprocs-over-max")
    number, before = reading.scales.get(section.name, (in_file, in_file))
    if before != in_file or (most is not None and number > most):
        return in_file
    return number


def _settle_scopes(reading: OptionReader, section: RawSection, common: dict[str, Any]) -> None:
    """Derive the scopes from supervisor's two flags, and reject contradictions between them."""
    unread = {p.option for p in reading.problems if p.section == section.label and p.severity == "error"}
    if unread.intersection(_SCOPES):
        return  # an unreadable option cannot contradict another one
    for scope, flag in (("stop_scope", "stopasgroup"), ("kill_scope", "killasgroup")):
        by_flag = Scope.GROUP if common[flag] else Scope.PROCESS
        if reading.raw(section, scope) is None:
            common[scope] = by_flag
        elif reading.raw(section, flag) is not None and min(common[scope], Scope.GROUP) is not by_flag:
            message = f"{scope}={common[scope].name.lower()} and {flag} contradict each other: leave {flag} out"
            reading.complain(section, scope, message, "bad-scope")
    if reading.raw(section, "kill_scope") is None:
        common["kill_scope"] = max(common["kill_scope"], common["stop_scope"])
    elif common["kill_scope"] < common["stop_scope"]:
        stop, kill = common["stop_scope"].name.lower(), common["kill_scope"].name.lower()
        message = f"kill_scope={kill} is less than stop_scope={stop}: leave kill_scope out, or set it to {stop}"
        reading.complain(section, "kill_scope", message, "bad-scope")


def _settle_type(reading: OptionReader, section: RawSection, common: dict[str, Any]) -> None:
    """Give a one-shot what makes it one, and reject what only a service can have."""
    if common["type"] is not ProcessType.ONESHOT:
        given = reading.raw(section, "type")
        for option in _FOR_ONESHOTS if given is None or given.value == ProcessType.SERVICE.value else ():
            if option in section.options and common.get(option) != PROGRAM[option].default:
                oneshot = assignment("type", "oneshot", toml=section.toml)
                message = f"only a one-shot has {_FOR_ONESHOTS[option]}: take it out, or write {oneshot}"
                reading.complain(section, option, message, "not-for-services")
        return
    kind = section.name.partition(":")[0]
    if kind in _NO_ONESHOTS:
        message = f"{_NO_ONESHOTS[kind]} stays up, so it is no one-shot: take type out"
        reading.complain(section, "type", message, "not-for-oneshots")
    for option, why in _NOT_FOR_ONESHOTS.items():
        # What stands in [DEFAULT] is for those that can have it.
        if option in section.options and option in PROGRAM:
            reading.complain(section, option, f"{why}: take it out", "not-for-oneshots")
    common["startsecs"] = 0
    common["autorestart"] = Autorestart.NEVER
    if reading.raw(section, "startretries") is None:
        common["startretries"] = 0


def _check(
    reading: OptionReader, section: RawSection, common: dict[str, Any], numprocs: int, process_name: str
) -> None:
    if numprocs > MOST_PROCESSES:
        message = f"cannot run {numprocs} processes: no machine has more than {MOST_PROCESSES}; name fewer"
        reading.complain(section, "numprocs", message, "bad-number")
    elif numprocs > MANY_PROCESSES:
        message = (
            f"{numprocs} processes are many: to read them takes about {numprocs * READING:.0f} s, at each start and "
            f"reread, and when all run the master takes about {numprocs * MEMORY:.0f} MiB of memory and "
            f"{numprocs * DESCRIPTORS} descriptors; name fewer, or raise minfds and the limits of this machine"
        )
        reading.complain(section, "numprocs", message, severity="warning")
    if numprocs < 1:
        by_hand = assignment("autostart", "false", toml=False)
        message = f"{numprocs} asks for no process at all: leave it out, or write {by_hand} to start one by hand"
        reading.complain(section, "numprocs", message, severity="warning")
    if numprocs > 1 and "%(process_num)" not in process_name:
        name = assignment("process_name", "%(program_name)s_%(process_num)02d", toml=section.toml)
        message = f"with numprocs above 1 process_name has to tell the processes apart: write {name}"
        option = "process_name" if reading.raw(section, "process_name") else "numprocs"
        reading.complain(section, option, message, "numprocs-without-process-num")
    if common["stopasgroup"] and not common["killasgroup"]:
        message = "killasgroup = false cannot go with stopasgroup = true: leave killasgroup out"
        reading.complain(section, "killasgroup", message, "stopasgroup-without-killasgroup")
    raw = reading.raw(section, "command")
    if raw is not None and raw.value == "" and not raw.toml:
        reading.complain(section, "command", "the command is empty: it can never be started", severity="warning")
    if raw is not None and raw.cut_by:
        message = (
            f"the command ends inside a quote, because a {raw.cut_by} after a blank begins a comment: "
            f"leave out the blank before the {raw.cut_by}, or put the command into a script"
        )
        reading.complain(section, "command", message, severity="warning")
    elif raw is not None and isinstance(raw.value, str):
        try:
            split_words(raw.value)
        except ValueError as error:
            # supervisord accepts the file, and fails when it starts the program.
            message = f"the command cannot be split into words: {error}; it can never be started: close the quote"
            reading.complain(section, "command", message, severity="error" if raw.toml else "warning")


def _process(
    reading: OptionReader, section: RawSection, group: str, common: dict[str, Any], names: dict[str, object]
) -> Program:
    """One slot. Its own variables become names for its other options, and stay for the next slot, as in supervisor."""
    values = dict(common)
    values["environment"] = reading.option(section, "environment", PROGRAM["environment"], names)
    names.update(environment_names(values["environment"]))
    for name, known in EACH.items():
        again = names if name.endswith("_logfile") else None
        values[name] = reading.option(section, name, known, names, again=again)
    settle_readiness(reading, section, values)
    settle_health(reading, section, values)
    settle_hooks(reading, section, values)
    settle_watch(reading, section, values)
    _settle_terminal(reading, section, values)
    for channel in ("stdout", "stderr"):
        _settle_places(values, channel)
    on_console = any(map(is_console, (values["stdout_logfile"], *values["stdout_also"])))
    # INI keeps the meaning that it has for supervisord.
    follows = section.toml and not values["redirect_stderr"] and reading.raw(section, "stderr_logfile") is None
    if on_console and follows:
        values["stderr_logfile"] = "/dev/stderr"
    for channel in ("stdout", "stderr"):
        _settle_log(reading, section, values, channel)
    if values["redirect_stderr"]:
        if values["stderr_logfile"] not in (AUTO, None):
            note(
                reading,
                section,
                "stderr_logfile",
                f"For [{section.name}], redirect_stderr=true but stderr_logfile has also been set to a filename, "
                "the filename has been ignored",
                f"ignored, because {'pty' if values['pty'] else 'redirect_stderr'} is true: take one of them out",
            )
        values["stderr_logfile"], values["stderr_also"] = None, ()
    for channel in ("stdout", "stderr"):
        settle_rotation(reading, section, values, channel)
    name = reading.option(section, "process_name", SLOTS["process_name"], names)
    if reading.raw(section, "process_name") is None:
        name = str(names["program_name"])
    values["command"] = values["command"] or ""
    return Program(name=name.strip(), group=group, section=section.name, **values)


def _settle_terminal(reading: OptionReader, section: RawSection, values: dict[str, Any]) -> None:
    """A terminal is one stream; and what speaks a protocol has none."""
    if not values["pty"]:
        return
    kind = section.name.partition(":")[0]
    if kind in _NO_TERMINALS:
        reading.complain(section, "pty", f"{_NO_TERMINALS[kind]}, and no terminal: take pty out", "no-terminal")
    raw = reading.raw(section, "redirect_stderr")
    if raw is not None and not values["redirect_stderr"]:
        message = "with pty, stdout and stderr are one terminal, so they cannot be told apart: take it out"
        reading.complain(section, "redirect_stderr", message, severity="warning")
    values["redirect_stderr"] = True


def _settle_places(values: dict[str, Any], channel: str) -> None:
    """Make the first place the log that clients read; "-" stands for the master's own stream of that name."""
    named = values[f"{channel}_logfile"]
    places = named if isinstance(named, tuple) else (named,)
    first, *others = (f"/dev/{channel}" if place == "-" else place for place in places)
    if SYSLOG in others:
        values[f"{channel}_syslog"] = True
    values[f"{channel}_logfile"] = first
    values[f"{channel}_also"] = tuple(place for place in others if place != SYSLOG)


def _settle_log(reading: OptionReader, section: RawSection, values: dict[str, Any], channel: str) -> None:
    file, syslog = f"{channel}_logfile", f"{channel}_syslog"
    nowhere = assignment(file, "NONE", toml=section.toml)
    if values[file] == SYSLOG:
        note(
            reading,
            section,
            file,
            f"For [{section.name}], {file}=syslog but this is deprecated and will be removed.  "
            f"Use {syslog}=true to enable syslog instead.",
            f"syslog as a file name is deprecated: write {syslog} = true and {nowhere}",
        )
        values[file], values[syslog] = None, True
    if values[file] == AUTO and not values[f"{channel}_logfile_maxbytes"]:
        note(
            reading,
            section,
            f"{file}_maxbytes",
            f"For [{section.name}], AUTO logging used for {file} without rollover, set maxbytes > 0 to avoid filling "
            "up filesystem unintentionally",
            f"an AUTO log that is never rotated fills the disk: set {file}_maxbytes above 0, or {nowhere}",
        )


def note(reading: OptionReader, section: RawSection, option: str, theirs: str, ours: str) -> None:
    """Warn twice: in supervisor's words for its clients, and in procman's own, with the place."""
    reading.notes.append(theirs)
    reading.complain(section, option, ours, severity="warning")

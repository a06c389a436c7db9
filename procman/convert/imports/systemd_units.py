"""Timers as schedules, and socket units as sockets that procman holds."""

import re

from procman.convert.imports.draft import Draft, Section, cleaned, duration
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Ready
from procman.convert.imports.unit_reader import UnitReader
from procman.convert.imports.values import schedule_fits, seconds_of

_WORDS = {
    "minutely": "* * * * *",
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "weekly": "0 0 * * 1",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "semiannually": "0 0 1 1,7 *",
}
_DAY = re.compile(r"[A-Za-z]{3,9}(?:(?:\.\.|,|-)[A-Za-z]{3,9})*")
_DATE = re.compile(r"(?:\*-)?([\d*/.,]+)-([\d*/.,]+)")
_TIME = re.compile(r"([\d*/.,]+):([\d*/.,]+)(?::(\S+))?")
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+")
_MOST = {"minute": 59, "hour": 23, "day": 31, "month": 12}


def cron_of(event: str) -> tuple[str, str] | None:
    """The five fields and the time zone of a calendar event; None if cron cannot say it."""
    words = event.split()
    zone = words.pop() if len(words) > 1 and _ZONE.fullmatch(words[-1]) else ""
    if len(words) == 1 and words[0].lower() in _WORDS:
        return _WORDS[words[0].lower()], zone
    weekday, month, day, hour, minute = "*", "*", "*", "0", "0"
    for word in words:
        time, date = _TIME.fullmatch(word), _DATE.fullmatch(word)
        if time is not None:
            hour, minute = _field(time[1], "hour"), _field(time[2], "minute")
            if time[3] is not None and time[3].strip("0"):
                return None
        elif date is not None:
            month, day = _field(date[1], "month"), _field(date[2], "day")
        elif _DAY.fullmatch(word):
            names = re.split(r"(\.\.|,|-)", word)
            weekday = "".join({"..": "-", "-": "-", ",": ","}.get(name, name[:3].lower()) for name in names)
        else:
            return None
    if weekday != "*" and day != "*":
        return None  # cron runs on either, systemd on days that are both
    fields = f"{minute} {hour} {day} {month} {weekday}"
    return (fields, zone) if schedule_fits(fields) else None


def _field(text: str, kind: str) -> str:
    """05,10..12/2 as cron writes it."""
    parts = []
    for part in text.split(","):
        value, slash, step = part.partition("/")
        value = "-".join(str(int(number)) if number.isdecimal() else number for number in value.split(".."))
        if slash and value.isdecimal():
            value = f"{value}-{_MOST[kind]}"
        parts.append(value + slash + step)
    return ",".join(parts)


def add_timer(draft: Draft, reader: UnitReader, sections: dict[str, Section]) -> None:
    """Give the service of a timer its schedule."""
    name = reader.text("Timer", "Unit") or f"{reader.unit.stem}.service"
    section = sections.get(str(name))
    if section is None:
        draft.report.lost(reader.unit.place, reader.unit.name, f"{name}, which it starts, is not imported")
        reader.harmless("Timer", "OnCalendar", "")
        return
    for option in ("autorestart", "startsecs", "backoff", "restart_limit", "startretries", "depends_on"):
        if option in section.options and option != "depends_on":
            del section.options[option]
    section.set("type", "oneshot", reader.unit.place)
    events = reader.all("Timer", "OnCalendar")
    every = reader.text("Timer", "OnUnitActiveSec") or reader.text("Timer", "OnUnitInactiveSec")
    period = seconds_of(every) if every is not None else None
    if events:
        found = cron_of(events[0].text)
        if found is None:
            draft.report.lost(events[0], "[Timer] OnCalendar", "a schedule of cron cannot say this: write one by hand")
            section.set("autostart", value=False, place=events[0])
        else:
            section.set("schedule", Ready(found[0]), events[0])
            if found[1]:
                section.set("schedule_tz", found[1], events[0])
        for other in events[1:]:
            draft.report.lost(other, "[Timer] OnCalendar", "a program has one schedule, which is the first one")
        if every is not None:
            reader.mark("Timer", "OnUnitActiveSec", Fate.LOST, "a program has one schedule, which is OnCalendar")
    elif period:
        place = reader.first("Timer", ("OnUnitActiveSec", "OnUnitInactiveSec"))
        section.set("schedule", f"every {duration(period)}", place)
        reader.mark("Timer", "OnUnitInactiveSec", Fate.APPROXIMATED, "it counts from the start of the run before")
    boot = next((key for key in ("OnBootSec", "OnStartupSec", "OnActiveSec") if reader.raw("Timer", key)), None)
    if boot is not None:
        same = every is not None and reader.text("Timer", boot) == every
        if section.get("schedule") is None:
            reader.mark("Timer", boot, Fate.APPROXIMATED, "it runs once, when procman starts")
        elif not same:
            section.set("run_on_start", value=True, place=reader.place("Timer", boot))
            reader.mark("Timer", boot, Fate.APPROXIMATED, "it runs at once when procman starts")
    if reader.boolean("Timer", "Persistent") and section.get("schedule") is not None:
        section.set("schedule_missed", "once", reader.place("Timer", "Persistent"))
    jitter = reader.text("Timer", "RandomizedDelaySec")
    seconds = seconds_of(jitter) if jitter is not None else None
    if seconds and section.get("schedule") is not None:
        section.set("schedule_jitter", duration(seconds), reader.place("Timer", "RandomizedDelaySec"))
    reader.harmless("Timer", "AccuracySec", "a run begins on time")
    reader.harmless("Timer", "FixedRandomDelay", "the delay is always the same")
    reader.harmless("Timer", "RemainAfterElapse", "nothing is needed for it")


def add_sockets(
    draft: Draft, reader: UnitReader, sections: dict[str, Section], installed: set[str], takers: dict[str, str]
) -> None:
    """A socket section, and the service that gets it; `takers` are services that ask for sockets of another name."""
    unit = reader.unit
    name = str(reader.text("Socket", "Service") or f"{unit.stem}.service")
    if name not in sections:
        name = takers.get(unit.name, name)
    section = sections.get(name)
    addresses = [_address(node.text) for node in reader.all("Socket", "ListenStream")]
    if section is None or not addresses:
        why = "it listens on no stream" if section is not None else f"{name}, which it starts, is not imported"
        draft.report.lost(unit.place, unit.name, why)
        return
    if reader.boolean("Socket", "Accept"):
        reader.mark("Socket", "Accept", Fate.LOST, "the program itself has to accept its connections")
    called = cleaned(reader.text("Socket", "FileDescriptorName") or unit.stem.removesuffix(".held"))
    socket = draft.section(called, unit.place, unit.name, "socket")
    socket.set("listen", [Ready(address) for address in addresses], reader.place("Socket", "ListenStream"))
    for key, option in (("SocketMode", "mode"), ("Backlog", "backlog")):
        text = reader.text("Socket", key)
        if text is not None and (option != "mode" or any(one.startswith("unix:") for one in addresses)):
            socket.set(
                option, int(text) if option == "backlog" and text.isdecimal() else text, reader.place("Socket", key)
            )
    owner, group = reader.text("Socket", "SocketUser"), reader.text("Socket", "SocketGroup")
    if owner is not None:
        socket.set("owner", Ready(f"{owner}:{group}" if group else owner), reader.place("Socket", "SocketUser"))
    elif group is not None:
        reader.mark("Socket", "SocketGroup", Fate.LOST, "owner needs a user, too")
    if reader.boolean("Socket", "ReusePort"):
        socket.set("reuseport", value=True, place=reader.place("Socket", "ReusePort"))
    reader.harmless("Socket", "RemoveOnStop", "procman removes it")
    section.add("sockets", socket.name, place=unit.place)
    if name not in installed:
        section.set("lazy", value=True, place=unit.place)
        section.options.pop("autostart", None)


def _address(text: str) -> str:
    if text.startswith("/"):
        return f"unix://{text}"
    return f"tcp://*:{text}" if text.isdecimal() else f"tcp://{text}"

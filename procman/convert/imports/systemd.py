"""Units of systemd as programs: services with their timers and sockets. What sandboxes a service is lost, and said."""

from collections.abc import Sequence

from procman.convert.imports.draft import Draft, Section, duration
from procman.convert.imports.report import Fate
from procman.convert.imports.source import Node, Source, Unreadable
from procman.convert.imports.systemd_commands import Commands
from procman.convert.imports.systemd_options import IGNORED, read_options
from procman.convert.imports.systemd_restarts import read_restarts
from procman.convert.imports.systemd_units import add_sockets, add_timer
from procman.convert.imports.unit_reader import UnitReader
from procman.convert.imports.unit_words import Unit
from procman.convert.imports.values import seconds_of

_NEEDS = ("Requires", "BindsTo", "Requisite")
_TYPES = ("", "simple", "exec", "idle", "notify", "notify-reload", "oneshot")


def read(sources: Sequence[Source]) -> Draft:
    """Services with the timers, sockets and drop-ins that are named with them; raises Unreadable."""
    draft = Draft("systemd", tuple(source.path for source in sources))
    units = _units(sources)
    services = {name: unit for name, unit in units.items() if unit.kind == "service"}
    if not services:
        raise Unreadable(sources[0].path, 1, "there is no service among them: name at least one NAME.service")
    reading = _Services(draft, units, services)
    for unit in services.values():
        reading.service(unit)
    for unit in services.values():
        reading.order(unit)
    takers = reading.takers()
    for name, unit in units.items():
        if unit.kind == "timer":
            add_timer(draft, reading.reader(unit), reading.sections)
        elif unit.kind == "socket":
            add_sockets(draft, reading.reader(unit), reading.sections, reading.installed, takers)
        elif unit.kind == "target":
            draft.report.kept(unit.place, name, "procman starts all that is to start")
            reader = reading.reader(unit)
            for section, key, _ in unit.lines:
                reader.harmless(section, key, "procman starts all that is to start")
        elif unit.kind not in ("service", "timer", "socket"):
            draft.report.lost(unit.place, name, f"procman has nothing like a {unit.kind} unit")
            reading.reader(unit)
    for each in reading.readers.values():
        each.finish(IGNORED)
    return draft


def _units(sources: Sequence[Source]) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for source in sorted(sources, key=lambda source: _drop_in_of(source) is not None):
        name = _drop_in_of(source) or source.name
        if "." not in name:
            raise Unreadable(source.path, None, "the name of a unit says what it is: NAME.service, NAME.timer, …")
        if _drop_in_of(source) is not None and name not in units:
            raise Unreadable(source.path, None, f"this is a drop-in of {name}: name that unit, too")
        units.setdefault(name, Unit(name, source)).add(source)
    return units


def _drop_in_of(source: Source) -> str | None:
    folder = source.path.rpartition("/")[0].rpartition("/")[2]
    return folder.removesuffix(".d") if folder.endswith(".d") and source.path.endswith(".conf") else None


class _Services:
    """All services that are imported together."""

    def __init__(self, draft: Draft, units: dict[str, Unit], services: dict[str, Unit]) -> None:
        self.draft = draft
        self.units = units
        self.services = services
        self.sections: dict[str, Section] = {}
        self.readers: dict[str, UnitReader] = {}
        self.installed: set[str] = set()

    def reader(self, unit: Unit) -> UnitReader:
        if unit.name not in self.readers:
            self.readers[unit.name] = UnitReader(unit, self.draft.report)
        return self.readers[unit.name]

    def service(self, unit: Unit) -> None:
        reader = self.reader(unit)
        kind = reader.text("Service", "Type") or ""
        commands = Commands(reader)
        words, place = commands.main(oneshot=kind == "oneshot")
        if not words:
            why = "it has no ExecStart that can be run here, so nothing is imported of it"
            self.draft.report.lost(unit.place, unit.name, why)
            return
        section = self.sections[unit.name] = self.draft.section(unit.stem, place, unit.name)
        section.set("command", words, place)
        self._kind(section, reader, kind)
        commands.hooks(section)
        read_options(section, reader)
        read_restarts(section, reader)
        if reader.all("Install", "WantedBy") or reader.all("Install", "RequiredBy"):
            self.installed.add(unit.name)
        elif f"{unit.stem}.timer" not in self.units and f"{unit.stem}.socket" not in self.units:
            section.set("autostart", value=False, place=unit.place)
            why = "it has no [Install], so it is started by hand, or by what depends on it"
            self.draft.report.kept(unit.place, f"{unit.name} [Install]", why)

    def _kind(self, section: Section, reader: UnitReader, kind: str) -> None:
        place = reader.place("Service", "Type")
        limit = reader.text("Service", "TimeoutStartSec") or reader.text("Service", "TimeoutSec")
        seconds = None if limit is None or limit == "infinity" else seconds_of(limit)
        limit_place = reader.place("Service", "TimeoutStartSec")
        if kind in ("notify", "notify-reload"):
            section.set("ready", "notify", place)
            if limit is not None:
                section.set("start_timeout", duration(seconds) if seconds else "none", limit_place)
            if kind == "notify-reload" and section.get("reload") is None:
                section.set("reload", "signal:HUP", place)
        elif kind == "oneshot":
            section.set("type", "oneshot", place)
            if seconds:
                section.set("run_timeout", duration(seconds), limit_place)
        elif limit is not None:
            why = "without Type=notify, it has started when its process exists"
            reader.mark("Service", "TimeoutStartSec", Fate.KEPT, why)
        if kind == "forking":
            reader.mark(
                "Service",
                "Type",
                Fate.LOST,
                "it goes to the background by itself: take the option for that out of its command; until then "
                "stop_scope = tree stops it",
            )
        elif kind not in _TYPES:
            reader.mark("Service", "Type", Fate.LOST, f"procman has nothing like {kind}")
        elif kind == "idle":
            reader.mark("Service", "Type", Fate.APPROXIMATED, "it does not wait for other starts")
        if kind != "oneshot":
            reader.harmless("Service", "RemainAfterExit", "what has ended is EXITED")
        reader.harmless("Service", "RemainAfterExit", "a one-shot that has succeeded is done")
        self._watchdog(section, reader)

    @staticmethod
    def _watchdog(section: Section, reader: UnitReader) -> None:
        text = reader.text("Service", "WatchdogSec")
        seconds = seconds_of(text) if text is not None else None
        if seconds and section.get("type") is None:
            place = reader.place("Service", "WatchdogSec")
            section.set("watchdog", duration(seconds), place)
            section.set("health", "watchdog", place)

    def order(self, unit: Unit) -> None:
        """What the unit waits for."""
        section = self.sections.get(unit.name)
        if section is None:
            return
        reader = self.reader(unit)
        needed: dict[str, str] = {}
        for key in (*_NEEDS, "Wants", "After", "PartOf"):
            for name, place in reader.names("Unit", key):
                if name not in self.sections:
                    self._elsewhere(reader, key, name, place)
                    continue
                needed[name] = needed.get(name, "") + f" {key} "
        edges = []
        for name, keys in needed.items():
            target = self.sections[name]
            hard = any(f" {key} " in keys for key in _NEEDS)
            if " PartOf " in keys and keys.strip() == "PartOf":
                reader.mark("Unit", "PartOf", Fate.APPROXIMATED, f"restarts of {target.name} are passed on")
                hard = True
            if " BindsTo " in keys:
                section.set("on_dependency_stop", "stop", reader.place("Unit", "BindsTo"))
            if " PartOf " in keys:
                section.set("on_dependency_restart", "restart", reader.place("Unit", "PartOf"))
            if " After " not in keys:
                key = keys.split()[0]
                reader.mark("Unit", key, Fate.APPROXIMATED, f"it also waits until {target.name} is up")
            done = "@done" if target.get("type") == "oneshot" else ""
            edges.append(f"{target.name}{done}{'' if hard else '?'}")
        if edges:
            section.set("depends_on", edges, reader.first("Unit", (*_NEEDS, "Wants", "After", "PartOf")))

    def takers(self) -> dict[str, str]:
        """By the names of socket units, the services that take them by `Sockets=`."""
        found: dict[str, str] = {}
        for service in self.sections:
            for name, place in self.readers[service].names("Service", "Sockets"):
                found[name] = service
                if name not in self.units:
                    self.draft.report.lost(place, "[Service] Sockets", f"{name} is not imported")
        return found

    def _elsewhere(self, reader: UnitReader, key: str, name: str, place: Node) -> None:
        if name.rpartition(".")[2] in ("target", "slice", "mount") or name.startswith("systemd-"):
            self.draft.report.kept(place, f"[Unit] {key}", "the machine has it when procman runs")
        elif name in self.units:
            self.draft.report.kept(place, f"[Unit] {key}")
        else:
            self.draft.report.lost(place, f"[Unit] {key}", f"{name} is not imported")
        reader.used("Unit", key)

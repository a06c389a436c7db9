"""The keys of one unit, and which of them were used."""

from collections.abc import Iterable, Mapping

from procman.convert.imports.report import Fate, Report
from procman.convert.imports.source import Node, Ready
from procman.convert.imports.unit_words import Unit, specified, words_of


class UnitReader:
    """Hands out the values of a unit with their specifiers filled in; `finish` reports what nobody has asked for."""

    def __init__(self, unit: Unit, report: Report) -> None:
        self.unit = unit
        self.report = report
        self._used: set[tuple[str, str]] = set()
        found = unit.found.get(("Service", "User"))
        self.user = str(found[-1].value) if found else ""

    def all(self, section: str, key: str) -> list[Node]:
        """All values of a key, in procman's notation."""
        self.used(section, key)
        values = self.unit.found.get((section, key), [])
        return [self._specified(section, key, node) for node in values]

    def raw(self, section: str, key: str) -> list[Node]:
        """All values as they are written."""
        self.used(section, key)
        return list(self.unit.found.get((section, key), []))

    def used(self, section: str, key: str) -> None:
        """Count a key as used; a line that an empty one has taken back is used, too."""
        if (section, key) in self._used:
            return
        self._used.add((section, key))
        for found_section, found_key, node in self.unit.lines:
            if (found_section, found_key) == (section, key):
                self.report.kept(node, f"[{section}] {key}")

    def text(self, section: str, key: str) -> Ready | None:
        """The last value of a key; None if there is none."""
        values = self.all(section, key)
        return Ready(values[-1].text) if values else None

    def boolean(self, section: str, key: str) -> bool | None:
        """A yes or no; None if it is not there."""
        text = self.text(section, key)
        return None if text is None else text.lower() in ("yes", "true", "on", "1")

    def words(self, section: str, key: str) -> list[Ready]:
        """The words of all values of a list."""
        found: list[Ready] = []
        for node in self.all(section, key):
            try:
                found += [Ready(word.text) for word in words_of(node.text)]
            except ValueError as error:
                self.report.lost(node, f"[{section}] {key}", str(error))
        return found

    def names(self, section: str, key: str) -> list[tuple[str, Node]]:
        """The names of units in all values of a key."""
        return [(name, node) for node in self.all(section, key) for name in node.text.split()]

    def place(self, section: str, key: str) -> Node:
        """The line of a key, or the beginning of the file."""
        values = self.unit.found.get((section, key))
        return values[-1] if values else self.unit.place

    def first(self, section: str, keys: Iterable[str]) -> Node:
        """The line of the first of some keys."""
        return next((self.place(section, key) for key in keys if self.unit.found.get((section, key))), self.unit.place)

    def mark(self, section: str, key: str, fate: Fate, how: str) -> None:
        """Say what became of a key, at each of its lines."""
        self.used(section, key)
        for node in self.unit.found.get((section, key), []):
            match fate:
                case Fate.KEPT:
                    self.report.kept(node, f"[{section}] {key}", how)
                case Fate.APPROXIMATED:
                    self.report.approximated(node, f"[{section}] {key}", how)
                case Fate.LOST:
                    self.report.lost(node, f"[{section}] {key}", how)

    def harmless(self, section: str, key: str, why: str) -> None:
        """Say that nothing is needed for a key."""
        self.mark(section, key, Fate.KEPT, why)

    def finish(self, ignored: Mapping[str, str]) -> None:
        """Report all other keys; `ignored` has those that need nothing, with the reason."""
        for section, key, node in self.unit.lines:
            if (section, key) in self._used:
                continue
            name = f"[{section}] {key}"
            if section.startswith("X-") or key.startswith("X-"):
                self.report.kept(node, name, "it is for other tools")
            elif key in ignored:
                self.report.kept(node, name, ignored[key])
            elif section == "Service":
                self.report.lost(node, name, "procman has nothing like it: set it in the unit that runs procman")
            else:
                self.report.lost(node, name, "procman has nothing like it")

    def _specified(self, section: str, key: str, node: Node) -> Node:
        text, unknown = specified(node.text, self.unit, self.user)
        if unknown:
            self.report.lost(node, f"[{section}] {key}", f"{', '.join(unknown)} is not known here: write it out")
        return Node(text, node.file, node.line)

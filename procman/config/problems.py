"""The problems of a configuration file, one `Problem` for each complaint.

A message says what is wrong, names the thing, and ends with what to write instead. It never contains a password.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from procman.errors import ProcmanError

# A note is what `procman check` says without a doubt that something is meant differently.
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint, or a note. `slug` is a stable name for its kind, such as "bad-signal"."""

    file: str
    line: int | None
    section: str | None
    option: str | None
    message: str
    severity: Severity = "error"
    slug: str = "other"

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        section = f" [{self.section}]" if self.section else ""
        option = f" {self.option}" if self.option else ""
        text = f"{where}:{section}{option}{':' if section or option else ''} {self.message}"
        # It may be shown on a terminal, and contains text from a file.
        return text if text.isprintable() else "".join(map(_printable, text))

    def labelled(self) -> str:
        """The text, and how serious it is unless it is an error: a warning is often the reason for one, as `comand`."""
        return str(self) if self.severity == "error" else f"{self} ({self.severity})"

    def to_json(self) -> dict[str, str | int | None]:
        """The problem as a JSON object."""
        return {
            "file": self.file,
            "line": self.line,
            "section": self.section,
            "option": self.option,
            "message": self.message,
            "severity": self.severity,
            "class": self.slug,
        }


class ConfigError(ProcmanError):
    """The configuration cannot be used; `problems` has all errors and warnings, and the text one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.labelled() for problem in self.problems))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else repr(letter)[1:-1]

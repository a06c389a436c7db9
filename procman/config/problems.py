"""The problems of a configuration file, one `Problem` for each complaint.

A message says what is wrong, names the thing, and ends with what to write instead. It never contains a password.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from procman.errors import ProcmanError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint. `slug` is a stable name for its kind, such as "bad-signal"."""

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
        super().__init__("\n".join(_line(problem) for problem in self.problems))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else repr(letter)[1:-1]


def _line(problem: Problem) -> str:
    # A warning is often the reason for an error: `comand` for "no command".
    return f"{problem} (warning)" if problem.severity == "warning" else str(problem)

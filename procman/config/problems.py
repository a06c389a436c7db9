"""What is wrong with a configuration file, one `Problem` per complaint.

A message says what cannot be done, names the thing, and ends with what to write instead. It never holds a password.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from procman.errors import ProcmanError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint. `slug` is a stable name for its sort, such as "bad-signal"."""

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
        # It may be shown on a terminal, and holds what somebody has written into a file.
        return text if text.isprintable() else "".join(map(_printable, text))

    def to_json(self) -> dict[str, str | int | None]:
        """The same as a JSON object."""
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
    """The configuration cannot be used; `problems` holds every reason, and the warnings; one line each in its text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(_line(problem) for problem in self.problems))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else repr(letter)[1:-1]


def _line(problem: Problem) -> str:
    # A warning is often the reason of an error: `comand` of "no command".
    return f"{problem} (warning)" if problem.severity == "warning" else str(problem)

"""The blocks of a page of the documents: the files that it names, and the commands that it tells to type.

`sh` and `console` are commands; a script to save is `bash`. A block that needs more than a folder has a line before it
with the test that types it, `<!-- run by tests/a_test.py: what it needs -->`; one that no test can run says why:
`<!-- not run: reason -->`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = sorted([*DOCS.glob("how-to/*.md"), *DOCS.glob("tutorials/*.md"), DOCS / "migrating-from-supervisord.md"])
LINES = re.MULTILINE | re.DOTALL
NOTE = r"^<!-- (?:not run|run by (?P<test>tests/\S+\.py)): (?P<reason>[^\n]+) -->\n"
BLOCK = re.compile(rf"(?:{NOTE})?^```(?P<kind>sh|console)\n(?P<text>.*?)^```", LINES)
FILE = re.compile(r"^`(?:~/)?(?P<name>[\w.-]+)`(?:, [^\n]*)?:\n\n?```\w+\n(?P<text>.*?)^```", LINES)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a page, with the lines that the page shows below it."""

    line: str
    shown: tuple[str, ...]


def files(page: Path) -> dict[str, str]:
    """The files that a page gives a name and a text."""
    return {found["name"]: found["text"] for found in FILE.finditer(page.read_text())}


def reasons(page: Path) -> list[str]:
    """Why blocks of the page are not run, or only by a test of their own."""
    return [found["reason"] for found in BLOCK.finditer(page.read_text()) if found["reason"]]


def named_tests(page: Path) -> set[str]:
    """The tests of single blocks of the page."""
    return {found["test"] for found in BLOCK.finditer(page.read_text()) if found["test"]}


def run_by(test: str, page: Path) -> list[list[Typed]]:
    """The blocks that this test, a path from the root, has to type."""
    found = [block for block in BLOCK.finditer(page.read_text()) if block["test"] == test]
    return [commands(block["kind"], block["text"]) for block in found]


def typed(page: Path) -> list[Typed]:
    """The commands of all blocks that have to be run, in their order."""
    return [
        command
        for found in BLOCK.finditer(page.read_text())
        if not found["reason"]
        for command in commands(found["kind"], found["text"])
    ]


def commands(kind: str, text: str) -> list[Typed]:
    """A console block has prompts and output; of any other block, each line is a command."""
    if kind == "sh":
        return [Typed(line, ()) for line in text.splitlines() if line and not line.startswith("#")]
    parts = re.split(r"^[$#] ", text, flags=re.MULTILINE)[1:]
    return [Typed(line, tuple(shown)) for line, *shown in (part.rstrip("\n").split("\n") for part in parts)]

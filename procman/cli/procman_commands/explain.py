"""`procman explain`: prints the reference of options, sections and commands."""

from procman.cli.help_texts import text_of
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS
from procman.config.schema.reference import explained, known_names, section_names
from procman.config.spelling import closest
from procman.errors import BadRequest


def explain(given: dict[str, str]) -> int:
    """Print it for each word: `stopsignal`, `program.stopsignal`, `program`, or a command of procmanctl."""
    words = given.get("words", "").split("\0") if given.get("words") else []
    if not words:
        raise BadRequest(f"cannot explain without a name: give an option, or a section: {', '.join(section_names())}")
    for number, word in enumerate(words):
        text = "\n\n".join(explained(word))
        if not text and word in COMMANDS.keys() | SAME_AS.keys():
            text = text_of(word).rstrip()
        if not text:
            section, _, option = word.strip("[]").rpartition(".")
            meant = closest(option, known_names(), prefixes=True)
            hint = f"; did you mean {section}{'.' * bool(section)}{meant}?" if meant else ""
            raise BadRequest(f"cannot explain {word!r}: there is no such option, section or command{hint}")
        print(f"{chr(10) if number else ''}{text}")
    return 0

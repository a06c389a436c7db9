"""What each line of an INI file is, exactly by the rules of supervisor's parser, which is configparser.

`=` or `:` after an option's lower-cased name, comments after `;` or `#` at the start of a line or after a blank, deeper
indented lines continue the value above. Its surprises are marked below; the tests compare with configparser itself.
`procmanctl` uses this on most calls, and so it imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The kinds of lines; comments are left out.
HEADER = "header"  # a name, and what follows the ]
OPTION = "option"  # a name, and the first line of a value; "" and the whole line if it has no name
CONTINUED = "continued"  # one more line of the value of the last option; it may be empty
UNREADABLE = "unreadable"  # a line in a section that is none of these
HEADLESS = "headless"  # a line before the first section

COMMENT_SIGNS = (";", "#")


def classified(lines: Iterable[str]) -> Iterator[tuple[int, str, str, str, str]]:
    """For each line its number, its kind, the name and the text in it, and the sign of the comment that ended it."""
    in_section = in_option = False
    indent_of_option = 0
    for number, line in enumerate(lines, start=1):
        end = comment_start(line)
        text = line[:end].strip()
        if not text:
            # An empty line continues the value, and a comment does not end it.
            if end is None and in_option:
                yield number, CONTINUED, "", "", ""
            continue
        sign = "" if end is None else line[end]
        indent = len(line) - len(line.lstrip())
        if in_option and indent > indent_of_option:
            yield number, CONTINUED, "", text, sign
            continue
        indent_of_option = indent
        # Greedy: "[a] b]" is the section "a] b".
        bracket = text.rfind("]")
        if text.startswith("[") and bracket > 1:
            in_section, in_option = True, False
            yield number, HEADER, text[1:bracket], text[bracket + 1 :], sign
        elif not in_section:
            yield number, HEADLESS, "", text, sign
        elif (name_end := _name_end(text)) is None:
            yield number, UNREADABLE, "", text, sign
        else:
            in_option = True
            name = text[:name_end].rstrip().lower()
            yield number, OPTION, name, text[name_end + 1 :].strip() if name else text, sign


def _name_end(text: str) -> int | None:
    ends = [end for end in (text.find("="), text.find(":")) if end >= 0]
    return min(ends) if ends else None


def comment_start(line: str) -> int | None:
    """The position of the comment, None if there is none.

    The signs are searched for in step, the first `;` with the first `#`, the second with the second: as soon as one of
    a pair begins a comment it counts, even if the other sign would have begun one further left later on.
    """
    if line.lstrip().startswith(COMMENT_SIGNS):
        return 0
    positions = dict.fromkeys(COMMENT_SIGNS, -1)
    while positions:
        positions = {sign: found for sign, last in positions.items() if (found := line.find(sign, last + 1)) >= 0}
        starts = [at for at in positions.values() if at == 0 or line[at - 1].isspace()]
        if starts:
            return min(starts)
    return None

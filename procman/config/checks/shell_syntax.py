"""Finds shell syntax in commands, which are run without a shell, and says what to write instead.

A sign counts where a shell would see it: outside quotes, and `$NAME` within double quotes too. Text for another shell
(`sh -c '…'`, `ssh HOST …`) is not checked. re compiles the patterns on first use: most files need none.
"""

import re
import shlex
from dataclasses import dataclass
from os.path import basename

from procman.config.formats.raw import RawOption
from procman.config.resolve.option_reader import OptionReader
from procman.config.schema.notation import assignment, show_toml
from procman.config.secrets import masked
from procman.system.shell_split import PIECE, split_words

_SIGNS = frozenset("$`&|;<>~")
_COMPOUND = frozenset({"case", "for", "function", "if", "until", "while", "{", "[["})
_BUILTINS = _COMPOUND | {
    *(".", "alias", "cd", "declare", "eval", "exec", "export", "let", "local", "read", "set", "source", "trap"),
    *("ulimit", "umask", "unset", "wait"),
}
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "su", "runuser", "script", "flock"})
# A semicolon is an argument of these programs.
_TAKE_SEMICOLONS = frozenset({"find", "tmux"})

_OPERATOR = r"&&|\|\||^\|&?$|^&$|;$"
_REDIRECTION = r"^(?:\d*|&)(?:>>?(?:&\d)?|<<?<?)"
_SUBSTITUTION = r"\$\(|`"
_VARIABLE = r"(?<!\\)\$(?:([A-Za-z_]\w*)(?![\w.])|\{([A-Za-z_]\w*)(?::?[-=+?][^}]*)?\})"
_LOUD_VARIABLE = r"(?<!\\)\$(?:([A-Z_][A-Z0-9_]*)\b|\{([A-Z_][A-Z0-9_]*)\})"
_ASSIGNED = r"^([A-Za-z_]\w*)\+?="

_FOR_A_PIPE = ", and stopasgroup = true, so that a stop reaches all of it"

LONGEST_LINE = 160


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command: its text, its unquoted part, and its part in double quotes."""

    text: str
    bare: str
    double: str = ""


def warn_of_shell_syntax(reading: OptionReader) -> None:
    """Warn of each program whose command is written for a shell."""
    for kind in ("program:", "eventlistener:", "fcgi-program:"):
        for section in reading.sections.starting_with(kind):
            raw = reading.raw(section, "command")
            message = None if raw is None or raw.cut_by else needs_a_shell(raw)
            if message is not None:
                reading.complain(section, "command", message, "needs-a-shell", "warning")


def needs_a_shell(raw: RawOption) -> str | None:
    """The complaint about a command that is written for a shell; None for any other."""
    words = _words(raw.value)
    if not words or any(basename(word.text) == "ssh" for word in words):
        return None
    first = words[0].bare
    if first not in _BUILTINS and "=" not in first and not any(map(_is_sign, words)):
        return None
    return _of_builtins(raw, words) or _of_operators(raw, words) or _of_names(raw, words)


def is_shells_own(word: str) -> bool:
    """Whether a word means something to a shell only, so that no program has that name: `cd`, `$DIR/run`, `A=b`."""
    return word in _BUILTINS or word.startswith(("$", "~/", "`")) or re.match(_ASSIGNED, word) is not None


def _is_sign(word: Word) -> bool:
    """Whether the word contains a character that may mean something to a shell."""
    return not _SIGNS.isdisjoint(word.bare + word.double)


def _words(value: object) -> list[Word]:
    if isinstance(value, list):
        # A word with a blank is text for the program.
        return [Word(str(item), "" if " " in str(item) else str(item)) for item in value]
    if not isinstance(value, str):
        return []
    try:
        split_words(value)
    except ValueError:
        return []
    words: list[Word] = []
    text = bare = double = ""
    begun = False
    for piece in PIECE.finditer(value + " "):
        if piece.lastindex is None:
            if begun:
                words.append(Word(text, bare, double))
            text = bare = double = ""
            begun = False
            continue
        begun = True
        text += piece[piece.lastindex]
        bare += piece[1] or ""
        double += piece[3] or ""
    return words


def _of_builtins(raw: RawOption, words: list[Word]) -> str | None:
    first = words[0].bare
    if first == "cd":
        return _of_cd(raw, words)
    if first == "exec":
        return "no shell is run, and exec is a shell builtin: leave it out"
    if first not in _BUILTINS:
        return None
    more = ""
    if first in ("export", "umask"):
        more = f", or use the option {'environment' if first == 'export' else 'umask'}"
    return f"no shell is run, and {first} is a shell builtin: write {_by_shell(raw, words)}{more}"


def _of_cd(raw: RawOption, words: list[Word]) -> str:
    why = "no shell is run, and cd is a shell builtin: write "
    folder = words[1].text.removesuffix(";") if len(words) > 1 else "DIRECTORY"
    directory = assignment("directory", _shown(folder), toml=raw.toml)
    rest = words[2:]
    if rest and rest[0].bare in ("&&", ";") and not words[1].bare.endswith(";"):
        rest = rest[1:]
    elif rest and not words[1].bare.endswith(";") and not _is_sign(rest[0]):
        rest = []  # what follows is not a second command
    if not rest:
        return f"{why}{directory}, and the program itself as the command"
    if any(map(_is_sign, rest)):
        return f"{why}{_by_shell(raw, words)}"
    program = _line(raw, shlex.join([word.text for word in rest]))
    return f"{why}{directory} and {program}, or {_by_shell(raw, words)}"


def _of_operators(raw: RawOption, words: list[Word]) -> str | None:
    name = basename(words[0].text)
    for number, word in enumerate(words):
        redirection = re.match(_REDIRECTION, word.bare)
        if redirection is not None and word.text.startswith(word.bare[0]):
            return _of_redirection(raw, words, redirection[0])
        found = re.search(_OPERATOR, word.bare)
        if found is None or (found[0] == ";" and name in _TAKE_SEMICOLONS):
            continue
        if found[0] == ";" and name == "nginx":
            return "no shell is run, and nginx takes one word after -g: write it in quotes, -g 'daemon off;'"
        why = f"no shell is run, so {found[0]} is passed to the program as an argument: "
        if found[0] == "&":
            foreground = number == len(words) - 1
            return why + ("leave it out" if foreground else "give each program a section of its own")
        line = _by_shell(raw, words)
        return f"{why}write {line}" + (_FOR_A_PIPE if found[0] == "|" else "")
    return None


def _of_redirection(raw: RawOption, words: list[Word], sign: str) -> str:
    why = f"no shell is run, so {sign} is passed to the program as an argument: write "
    instead = ""
    if "&" in sign:
        instead = "redirect_stderr = true instead, or "
    elif ">" in sign:
        channel = "stderr" if sign.startswith("2") else "stdout"
        instead = f"{assignment(f'{channel}_logfile', 'FILE', toml=raw.toml)} instead, or "
    return f"{why}{instead}{_by_shell(raw, words)}"


def _of_names(raw: RawOption, words: list[Word]) -> str | None:
    first = re.match(_ASSIGNED, words[0].bare)
    if first is not None:
        value = '{ NAME = "…" }' if raw.toml else 'NAME="…"'
        line = f"environment = {value.replace('NAME', first[1])}"
        return f"no shell is run, so {first[1]}=… is taken for the program: write {line}, and leave it out here"
    if words[0].bare.startswith("~/"):
        return "no shell is run, so ~ is not expanded: write the whole path"
    if _runs_a_shell(words):
        return None
    for word in words:
        if re.search(_SUBSTITUTION, word.bare):
            sign = "$(…)" if "$(" in word.bare else "`…`"
            return f"no shell is run, so the program is given {sign} as it is: write {_by_shell(raw, words)}"
        found = re.search(_VARIABLE, word.bare) or re.search(_LOUD_VARIABLE, word.double)
        if found is not None:
            name, shown = found[1] or found[2], found[0]
            # Only a shell has defaults, ${NAME:-…}.
            plain = name == shown.strip("${}")
            if shown not in masked(" ".join(word.text for word in words)):
                name, shown = "NAME", "a $NAME"  # it may be part of a password
            line = f"%(ENV_{name})s, or {_by_shell(raw, words)}" if plain else _by_shell(raw, words)
            return f"no shell is run, so the program is given {shown} as it is: write {line}"
        if word.bare.startswith("~/"):
            return "no shell is run, so the program is given ~ as it is: write the whole path"
    return None


def _runs_a_shell(words: list[Word]) -> bool:
    shells = [number for number, word in enumerate(words) if basename(word.text) in _SHELLS]
    return bool(shells) and any(re.match(r"-\w*c$", word.text) for word in words[shells[0] :])


def _by_shell(raw: RawOption, words: list[Word]) -> str:
    """`command = sh -c '…'` with the same text; the last program replaces the shell, so it gets the signals."""
    if isinstance(raw.value, list):
        text = " ".join(word.text if _SIGNS & set(word.text) else shlex.quote(word.text) for word in words)
    else:
        text = " ".join(str(raw.value).split("\n"))
    text = re.sub(r"^source\s", ". ", text)
    # Not for a pipe or a background command.
    if words[0].bare not in _COMPOUND and re.search(r"\||(?<![&>])&(?![&>])", text) is None:
        start = _last_command(text)
        last = text[start:].split()
        if last and last[0] not in _BUILTINS and not re.match(_ASSIGNED, last[0]):
            text = f"{text[:start]}exec {text[start:]}"
    if masked(text) != text or len(text) > LONGEST_LINE:
        text = "…"
    if isinstance(raw.value, list):
        return f"command = {show_toml(['sh', '-c', text])}"
    return _line(raw, f"sh -c {_in_quotes(text)}")


def _last_command(text: str) -> int:
    """The position of the last command, after the last && or ; outside quotes."""
    start = 0
    for piece in PIECE.finditer(text):
        for found in re.finditer("&&|;", piece[0] if piece.lastindex == 1 else ""):
            start = piece.start() + found.end()
    return len(text) - len(text[start:].lstrip())


def _in_quotes(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    return shlex.quote(text) if set('"$`\\') & set(text) else f'"{text}"'


def _line(raw: RawOption, command: str) -> str:
    return assignment("command", _shown(command), toml=raw.toml)


def _shown(text: str) -> str:
    text = masked(text)
    return text if len(text) <= LONGEST_LINE + len("sh -c ''") else "…"

"""Generates the manual pages procman(1), procmanctl(1) and procman.toml(5), from the tables of the reference pages."""

import re
from collections.abc import Iterable, Mapping

from procman.cli.exit_statuses import NO_MASTER, PROCMAN, PROCMANCTL
from procman.cli.flags import Flag
from procman.cli.help_texts import OURS, inherited
from procman.cli.procman_commands.table import COMMANDS as MASTER_COMMANDS
from procman.cli.procmanctl_commands import COMMANDS, SAME_AS
from procman.cli.procmanctl_flags import FLAGS
from procman.cli.reference_page import usages
from procman.config.discovery import SEARCH
from procman.config.schema.reference import INTRODUCTION, sections_in_order

# Not that of the build: the same tables give the same bytes.
_DATE = "2026-11-30"

_FILES = ".SH FILES\nWithout \\fB\\-c\\fR, the first of these that exists is the configuration: {files}."

_CTL = """\
Without a command, procmanctl is an interactive shell with completion on TAB. Texts and exit statuses are those of
supervisorctl. Names are `NAME`, `GROUP:NAME`, `GROUP:*`, `all`, or a pattern such as `'web*'`. A name that begins with
a dash must follow `--`.

The master is found through the first of these that is set: `-s`; `-c`; `PROCMAN_SERVER_URL`; `SUPERVISOR_SERVER_URL`;
the file that the master would find without `-c`; the only master that answers in the run-time directory.
"""

_ENVIRONMENT = {
    "PROCMAN_SERVER_URL": "where the master listens; SUPERVISOR_SERVER_URL if it is not set",
    "PROCMANCTL_TOKEN": "the token to send to the master",
    "NO_COLOR": "if it is not empty: no colours",
}


def procman() -> str:
    """The manual page of procman."""
    start = MASTER_COMMANDS[""]
    parts = [
        _head("PROCMAN", 1, "procman", start.about),
        ".SH SYNOPSIS",
        ".B procman\n[\\fIflags\\fR]",
        ".br\n.B procman\n\\fIcommand\\fR [\\fIflags\\fR] [\\fIarguments\\fR]",
        ".SH DESCRIPTION",
        _text(
            "procman starts the programs of a configuration file in order, restarts those that die, writes their "
            "output to logs, and stops all of them gracefully on request. It reads supervisord.conf or TOML, and is "
            "correct as PID 1 of a container. Without a command it is the master; procmanctl(1) asks a running one."
        ),
        ".SH OPTIONS",
        *_flags(start.flags),
        ".SH COMMANDS",
    ]
    for name, command in MASTER_COMMANDS.items():
        if name:
            parts += [
                f".SS {_code(f'procman {name} [flags] {command.words}'.rstrip())}",
                _text(_sentence(command.about)),
            ]
            parts += [*_flags(command.flags), *_statuses(PROCMAN.get(name, {}))]
    parts += [".SH EXIT STATUS", *_items(PROCMAN[""])]
    parts += [_FILES.format(files=", ".join(map(_code, SEARCH)))]
    return _page(parts, "procmanctl(1), procman.toml(5)")


def procmanctl() -> str:
    """The manual page of procmanctl."""
    parts = [
        _head("PROCMANCTL", 1, "procmanctl", "control the programs that procman runs"),
        ".SH SYNOPSIS",
        ".B procmanctl\n[\\fIflags\\fR] [\\fIcommand\\fR [\\fIarguments\\fR]]",
        ".SH DESCRIPTION",
        *_paragraphs(_CTL),
        ".SH OPTIONS",
        *_flags(FLAGS),
        ".SH COMMANDS",
    ]
    for name in sorted(PROCMANCTL):
        parts.append(f".SS {_code(name)}")
        for usage, about in (*usages(inherited(name)), *OURS.get(name, ())):
            parts += [f".TP\n{_code(usage)}", _text(about)]
        parts += _statuses(PROCMANCTL[name].exits)
        unreachable = COMMANDS[name].unreachable
        if unreachable is not None:
            parts += [".PP", f"No master: exit status {unreachable}."]
    parts += [".SS Other names", *_items({name: f"the same as {same}" for name, same in SAME_AS.items()})]
    parts += [
        ".SH EXIT STATUS",
        _text("0 is success, 1 an error, 2 bad usage. If no master answers:"),
        *_items(NO_MASTER),
    ]
    parts += [".SH ENVIRONMENT", *_items(_ENVIRONMENT)]
    return _page(parts, "procman(1), procman.toml(5)")


def procman_toml() -> str:
    """The manual page of procman.toml."""
    parts = [
        _head("PROCMAN.TOML", 5, "procman.toml", "the configuration of procman, also as supervisord.conf"),
        ".SH DESCRIPTION",
        # The heading of the reference page is not for here.
        *_paragraphs(INTRODUCTION.partition("\n\n")[2]),
        ".SH SECTIONS",
    ]
    for heading, about, options in sections_in_order():
        parts += [f".SS {_code(heading)}", *_paragraphs(about)]
        for name, notes, text in options:
            parts += [f".TP\n{_code(name)} ({_escaped(notes)})", _text(text)]
    parts += [
        ".SH EXAMPLE",
        '.nf\n[program.web]\ncommand = "gunicorn app:main"\ndirectory = "/srv/app"\nstopwaitsecs = "30s"',
        'stdout_logfile = "/var/log/web.log"\nredirect_stderr = true\n.fi',
        _FILES.format(files=", ".join(map(_code, SEARCH))),
    ]
    return _page(parts, "procman(1), procmanctl(1)")


PAGES = {"procman.1": procman, "procmanctl.1": procmanctl, "procman.toml.5": procman_toml}


def _head(title: str, section: int, name: str, about: str) -> str:
    return f".TH {title} {section} {_DATE} procman\n.SH NAME\n{_escaped(name)} \\- {_escaped(about)}"


def _page(parts: Iterable[str], also: str) -> str:
    lines = [*parts, ".SH SEE ALSO", _escaped(also)]
    return "\n".join(lines) + "\n"


def _flags(flags: Iterable[Flag]) -> list[str]:
    return [f".TP\n{_code(flag.usage)}\n{_text(_sentence(flag.about))}" for flag in flags]


def _statuses(statuses: Mapping[int, str]) -> list[str]:
    return [".PP", "Exit status:", *_items(statuses)] if statuses else []


def _items(items: Mapping[int, str] | Mapping[str, str]) -> list[str]:
    return [f".TP\n{_code(str(name))}\n{_text(about)}" for name, about in items.items()]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _code(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _paragraphs(text: str) -> list[str]:
    first, *others = map(_text, text.strip().split("\n\n"))
    return [first, *(line for other in others for line in (".PP", other))]


def _text(text: str) -> str:
    """A paragraph of Markdown: code and stress become bold, emphasis italic; no line begins with a request."""
    lines = []
    for line in text.strip().splitlines():
        marked = re.sub(r"`([^`]+)`|\*\*(.+?)\*\*|(?<![\w*])\*([\w ]+)\*(?!\*)", _font, _escaped(line.strip()))
        lines.append(marked)
    return "\n".join(lines)


def _font(match: re.Match[str]) -> str:
    bold = match[1] or match[2]
    return f"\\fB{bold}\\fR" if bold else f"\\fI{match[3]}\\fR"


def _escaped(text: str) -> str:
    text = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("'", "\\(aq")
    )
    return f"\\&{text}" if text.startswith(".") else text

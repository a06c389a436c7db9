"""The INI reader agrees with configparser as supervisor configures it, and reports bad lines."""

import configparser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from procman.config.formats import ini
from procman.config.formats.raw import Sections

PIECES = [
    "[a]",
    "[b]",
    "[a] b]",
    "[",
    "]",
    "[]",
    "[DEFAULT]",
    "x=1",
    "X = 2",
    "y: 3",
    "=",
    ":",
    "k",
    " ",
    "  ",
    "\t",
    ";",
    "#",
    " ;",
    " #",
    "'",
    '"',
    "\\",
    "\n",
    "\n",
    "\n",
    "\n  ",
    "\r\n",
    "\r",
    "\x0b",
    "\x85",
    "\u3000",
    "é",
    "%(here)s",
    ";a #b ;c",
]


def by_configparser(text):
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = [f"{line}\n" for line in lines[:-1]] + lines[-1:]
    try:
        parser.read_file([line for line in lines if line], "x")
    except configparser.ParsingError as error:
        return type(error)
    return dict(parser._defaults), {name: dict(options) for name, options in parser._sections.items()}


def by_us(text):
    sections, problems = ini.parse(text, "x")
    if any(problem.slug == "missing-section-header" for problem in problems):
        return configparser.MissingSectionHeaderError
    if any(problem.severity == "error" for problem in problems):
        return configparser.ParsingError
    merged = Sections()
    merged.merge(sections)
    return (
        {name: option.value for name, option in merged.defaults.items()},
        {
            section.name: {name: option.value for name, option in section.options.items()}
            for section in merged.sections.values()
        },
    )


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.booleans())
@example("x;y;z ;w #v", True)
@example("x=1\n  ; c\n\n  more\n y=2", True)
def test_text_is_read_as_configparser_reads_it(text, headed):
    """Sections, options and values are the same, or the kind of error is."""
    text = "[s]\n" + text if headed else text
    assert by_us(text) == by_configparser(text)


def options_of(text):
    sections, _ = ini.parse(text, "f.conf")
    return {(s.name, name): (option.value, option.line) for s in sections for name, option in s.options.items()}


def test_each_option_knows_its_line():
    """The line is that of the option's name, also after values of several lines."""
    found = options_of("; c\n[a]\nx = 1\n  2\n\n[b]\ny : 3\n[a]\nx=4\n")
    assert found == {("a", "x"): ("4", 9), ("b", "y"): ("3", 7)}


def test_every_bad_line_is_reported():
    """All bad lines have complaints, not only the first one."""
    _, problems = ini.parse("x=1\n[a]\njunk\n= 2\nok=1\nmore junk\n", "f.conf")
    assert [(problem.line, problem.slug) for problem in problems] == [
        (1, "missing-section-header"),
        (3, "syntax"),
        (4, "syntax"),
        (6, "syntax"),
    ]


def test_a_nul_byte_is_an_error_with_its_line():
    """No argument of a program can contain it."""
    _, problems = ini.parse("[a]\nx=1\0\n", "f.conf")
    assert [(problem.line, problem.slug) for problem in problems] == [(2, "syntax")]


@pytest.mark.parametrize(
    ("line", "sign"),
    [("x=sh -c 'a ; b'", ";"), ('x=sh -c "a # b"', "#"), ("x='a;b'", None), ("x='a' ; c", None), ("x=a\\' ; b", None)],
)
def test_a_comment_sign_inside_a_quote_is_remembered(line, sign):
    """As for supervisor, the value ends there; a warning needs to know it."""
    sections, _ = ini.parse(f"[a]\n{line}\n", "f.conf")
    assert sections[0].options["x"].cut_by == sign


def test_an_option_with_two_values_is_a_warning():
    """Supervisor silently uses the last one, also in repeated sections; no value is shown."""
    text = "[a]\npassword=one\npassword=two\ncommand=x\n[b]\ncommand=y\n[a]\nCommand : z\nsame=1\nsame=1\n"
    sections, problems = ini.parse(text, "f.conf")
    assert [(problem.line, problem.section, problem.option, problem.severity) for problem in problems] == [
        (3, "a", "password", "warning"),
        (8, "a", "command", "warning"),
    ]
    assert problems[0].message == "this is not what line 2 says, and of the two this one counts: take one out"
    assert {name: option.value for name, option in sections[0].options.items()} == {
        "password": "two",
        "command": "z",
        "same": "1",
    }


def test_text_after_a_header_is_a_warning():
    """Supervisor drops it silently."""
    _, problems = ini.parse("[a] x=1\n", "f.conf")
    assert [(problem.line, problem.severity) for problem in problems] == [(1, "warning")]

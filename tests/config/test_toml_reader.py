"""The TOML reader finds the lines of keys, and reports unknown sections and what tomli refuses."""

import textwrap

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from procman.config import load
from procman.config.formats import toml


def read(text):
    return toml.parse(textwrap.dedent(text), "f.toml")


def test_each_key_knows_its_line():
    """Comments, lists, multi-line text, and dotted and quoted keys are handled."""
    lines = toml.lines_of(
        textwrap.dedent(
            '''\
            # [no.table]
            include = [
              "a", # ]
              "[b]",
            ]
            [program.web]
            command = """
            [not.a.table]
            x = "\\"""
            """""
            environment.A = '#1'
            [ "program" . 'a.b' ]
            command = ["x", { y = 1 }] # [
            startsecs = 1
            '''
        )
    )
    assert lines == {
        ("include",): 2,
        ("program",): 6,
        ("program", "web"): 6,
        ("program", "web", "command"): 7,
        ("program", "web", "environment"): 11,
        ("program", "web", "environment", "A"): 11,
        ("program", "a.b"): 12,
        ("program", "a.b", "command"): 13,
        ("program", "a.b", "startsecs"): 14,
    }


TEXTS = st.text(st.sampled_from("ab\"'#[]{}=\\\n ,."), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["'''", '"""', "list", "plain"]), TEXTS), max_size=6))
def test_no_value_hides_the_keys_after_it(values):
    """In any text that tomli accepts, each key is found at its line."""
    lines = ["[program.web]"]
    expected = {}
    for number, (form, value) in enumerate(values):
        key = f"k{number}"
        match form:
            case "list":
                line = f"{key} = [\n  {value!r},\n]"
            case "plain":
                line = f"{key} = '{value}'"
            case quotes:
                line = f"{key} = {quotes}{value}{quotes}"
        try:
            if tomli.loads(line).keys() != {key}:
                continue
        except tomli.TOMLDecodeError:
            continue
        expected["program", "web", key] = sum(text.count("\n") + 1 for text in lines) + 1
        lines.append(line)
    found = toml.lines_of("\n".join(lines))
    assert {path: line for path, line in found.items() if len(path) > 2} == expected


def test_sections_get_supervisors_names():
    """All later steps exist once for both forms."""
    sections, problems = read(
        """\
        include = ["x"]
        [procman]
        [program.web]
        command = "x"
        [unix_http_server]
        file = "/s"
        [inet_http_server.one]
        port = 1
        [inet_http_server.two]
        port = 2
        [procmanctl]
        """
    )
    assert problems == []
    assert [section.name for section in sections] == [
        "include",
        "supervisord",
        "program:web",
        "unix_http_server",
        "inet_http_server:one",
        "inet_http_server:two",
        "supervisorctl",
    ]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[procmn]", 1, "did you mean [procman]?"),
        ("\n[supervisord]", 2, "in TOML it is [procman]"),
        ("command = 'x'", 1, "command belongs in [program.NAME]"),
        ("[program]\ncommand = 'x'", 2, "[program.NAME]"),
        ("program = 3", 1, "expected a table"),
    ],
)
def test_an_unknown_section_is_an_error_that_says_what_was_meant(text, line, hint):
    """The error has the line of the section."""
    _, problems = toml.parse(text, "f.toml")
    assert len(problems) == 1
    assert (problems[0].line, problems[0].severity) == (line, "error")
    assert hint in problems[0].message


@pytest.mark.parametrize("text", ["x = ", "[a]\nx = 1\nx = 2", "x = " + "[" * 5000, "x = 1e", "\0"])
def test_what_tomli_refuses_is_one_problem(text):
    """There is no traceback, even for five thousand nested brackets."""
    _, problems = toml.parse(text, "f.toml")
    assert [problem.slug for problem in problems] == ["syntax"]


@pytest.mark.parametrize("name", ["größe", "über", "a+b"])
def test_a_name_that_needs_quotes_is_told_so(name):
    """TOML's own message does not say what to write."""
    (complaint,) = read(f"[program.{name}]\n")[1]
    assert 'needs quotes: [program."größe"]' in complaint.message
    assert read(f'[program."{name}"]\n')[1] == []


def test_a_syntax_error_has_its_line():
    """The line is the one that tomli reports."""
    _, problems = toml.parse("a = 1\nb = ]\n", "f.toml")
    assert problems[0].line == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[programs.z]\ncommand = 'x'", "f.toml:1: [programs]: there is no such section; did you mean [program.z]?"),
        ("[procmam]", "f.toml:1: [procmam]: there is no such section; did you mean [procman]?"),
        ("programs = ['x']", "f.toml:1: [programs]: there is no such section; programs belongs in [group.NAME]"),
        ("[[program.z]]\ncommand = 'x'", "expected one table, [program.z], and not a list in [[ ]]"),
        ("[program]\ncommand = 'x'", "expected a table: the section needs a name, [program.NAME]"),
        ("[procman]\numask = 0o22 # ours", 'umask: cannot read 0o22: expected octal digits in quotes such as "0700"'),
        ("procman.umask = 755", 'umask: cannot read 755: expected octal digits in quotes such as "0700"'),
        ("procman = { minfds = 1, umask = 1_8 }", "umask: cannot read 1_8: expected octal digits in quotes"),
        ("[procman]\nminfds = 'many'", 'minfds: cannot read "many": expected a whole number'),
        (
            "[procman]\nsocket = '/p'",
            "there is no such option; the control socket is file = in a section [unix_http_server]",
        ),
        ("[procman]\nlisten = '*:9001'", "write port = in a section [inet_http_server], or file = in"),
        ("[program.z]\ncommand = 'x'\nuser = true", "user: cannot read true: expected the name"),
        ("[program.z]\ncommand = ['x', true]", 'command: cannot read ["x", true]: expected a command'),
        (
            "[program.z]\ncommand = 'x'\nautorestart = 'maybe'",
            'cannot read "maybe": expected true, false or unexpected',
        ),
        ("[program.z]\ncommand = 'x'\npriority = {a = 1}", "priority: cannot read { a = 1 }: expected a whole number"),
        ("[program.z]\ncommand = 'x'\nnumprocs = 2", 'write process_name = "%(program_name)s_%(process_num)02d"'),
        ("[group.g]\nprograms = ['z']", "add [program.z], or take it out"),
        ("[program.z]\ncommand = 'x'\nstdout_logfile = 'syslog'", 'stdout_syslog = true and stdout_logfile = "NONE"'),
    ],
)
def test_complaints_speak_toml(tmp_path, monkeypatch, text, complaint):
    """Sections, values and proposals are written as TOML has them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.toml").write_text(text)
    problems = load.read("f.toml", environ={}).problems
    assert len(problems) == 1
    assert complaint in str(problems[0])

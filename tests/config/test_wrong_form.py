"""A file in another form than its name says has one complaint about that, instead of many misleading ones."""

import pytest

from procman.config.load import read

INI = "; a comment\n[unix_http_server]\nfile=/tmp/x.sock\n[supervisord]\n[program:web]\ncommand=sleep 1\n"
TOML = '# a comment\ninclude = []\n[procman]\numask = "022"\n[program.web]\ncommand = "sleep 1"\n'


def complaints(path):
    return [(problem.line, problem.severity, problem.message) for problem in read(str(path)).problems]


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("web.toml", INI, 4, "[supervisord] is INI, but by its name this file is TOML: rename it to web.conf"),
        ("web.conf", TOML, 3, "[procman] is TOML, but by its name this file is INI: rename it to web.toml"),
        # a file to be included
        (
            "a.toml",
            INI[INI.index("[program") :],
            1,
            "[program:web] is INI, but by its name this file is TOML: rename it to a.conf",
        ),
        (
            "a.ini",
            TOML[TOML.index("[program") :],
            1,
            "[program.web] is TOML, but by its name this file is INI: rename it to a.toml",
        ),
        # with mistakes of its own
        (
            "b",
            "[group.g]  # ours\nprograms = [",
            1,
            "[group.g]  # ours is TOML, but by its name this file is INI: rename it to b.toml",
        ),
    ],
)
def test_one_complaint_says_what_it_is(tmp_path, name, text, line, message):
    """It has the line that shows the form, and the right name."""
    path = tmp_path / name
    path.write_text(text)
    assert complaints(path) == [(line, "error", message)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('{"apps": [{"name": "web"}]}', "JSON"),
        ('[\n  {"name": "web"}\n]', "JSON"),
        ("services:\n  web:\n    command: [x]\n", "YAML"),
        ("---\nweb: x\n", "YAML"),
        ("- web\n", "YAML"),
        ("[Unit]\nDescription=web\n[Service]\nExecStart=/bin/x\n", "a unit of systemd"),
        ("module.exports = {\n  apps: []\n}\n", "JavaScript"),
        ("<plist>\n</plist>\n", "XML"),
    ],
)
@pytest.mark.parametrize("name", ["a.conf", "a.toml", "a.yml", "a.json", "a.service"])
def test_a_file_that_is_neither_is_told_what_it_is(tmp_path, name, text, form):
    """One complaint has the line that shows it, and the forms that procman reads."""
    path = tmp_path / name
    path.write_text(f"# ours\n\n{text}")
    [(line, severity, message)] = complaints(path)
    assert (line, severity) == (3, "error")
    assert message.startswith(f"this is {form}, but procman reads TOML and INI: ")
    assert message.endswith("into a.toml")


def test_a_script_is_known(tmp_path):
    """It is recognised by its first line."""
    path = tmp_path / "run"
    path.write_text("#!/bin/sh\nsleep 100\n")
    [(_, _, message)] = complaints(path)
    assert message == f"this is a program, not a configuration: procman run -- {path} runs it"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", ""),
        ("a.toml", "# only: a comment\n"),
        ("a.toml", "include = []\n"),
        ("a.toml", "#!/usr/bin/env -S procman -c\ninclude = []\n"),
        ("a.toml", "[unix_http_server]\nfile = '/x'\n"),
        ("a.yml", "[supervisord]\n[program:web]\ncommand: x\n"),
    ],
)
def test_what_is_read_is_not_taken_for_something_else(tmp_path, name, text):
    """The name of the file does not matter."""
    path = tmp_path / name
    path.write_text(text)
    assert complaints(path) == []


def test_an_included_unit_is_what_supervisor_takes_it_for(tmp_path):
    """Supervisor ignores its sections."""
    (tmp_path / "a.service").write_text("[Service]\nExecStart=/bin/x\n")
    main = tmp_path / "supervisord.conf"
    main.write_text(f"{INI}[include]\nfiles=*.service\n")
    assert [severity for _, severity, _ in complaints(main)] == ["warning"]


def test_an_included_file_in_another_form_has_one_complaint(tmp_path):
    """The other files are read."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text(TOML)
    main = tmp_path / "supervisord.conf"
    main.write_text(INI + "comand=x\n[include]\nfiles=conf.d/*\n")
    found = read(str(main))
    assert [(problem.file, problem.severity) for problem in found.problems] == [
        (str(tmp_path / "conf.d" / "a.conf"), "error"),
        (str(main), "warning"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "[program.web]\ncommand = '''\n[program:x]\n'''\n"),
        ("a.conf", "[supervisord]\n[program.web]\ncommand=x\n"),
        ("a.conf", "[supervisord]\n[program:web]\ncommand=sh -c '\n  [program.x]\n  '\n"),
    ],
)
def test_a_header_of_the_right_form_settles_it(tmp_path, name, text):
    """Text that resembles the other form is then read as what it is."""
    path = tmp_path / name
    path.write_text(text)
    assert not any("by its name" in message for _, _, message in complaints(path))

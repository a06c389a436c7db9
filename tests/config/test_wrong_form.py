"""A file in the other form than its name tells: one complaint that says so, instead of many that mislead."""

import pytest

from procman.config.load import read

INI = "; a comment\n[unix_http_server]\nfile=/tmp/x.sock\n[supervisord]\n[program:web]\ncommand=sleep 1\n"
TOML = '# a comment\ninclude = []\n[procman]\numask = "022"\n[program.web]\ncommand = "sleep 1"\n'


def told(path):
    return [(problem.line, problem.severity, problem.message) for problem in read(str(path)).problems]


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("web.toml", INI, 4, "[supervisord] is INI, and by its name this file is TOML: call it web.conf"),
        ("web.conf", TOML, 3, "[procman] is TOML, and by its name this file is INI: call it web.toml"),
        # a file to be included
        (
            "a.toml",
            INI[INI.index("[program") :],
            1,
            "[program:web] is INI, and by its name this file is TOML: call it a.conf",
        ),
        (
            "a.ini",
            TOML[TOML.index("[program") :],
            1,
            "[program.web] is TOML, and by its name this file is INI: call it a.toml",
        ),
        # with mistakes of its own
        (
            "b",
            "[group.g]  # ours\nprograms = [",
            1,
            "[group.g]  # ours is TOML, and by its name this file is INI: call it b.toml",
        ),
    ],
)
def test_one_complaint_says_what_it_is(tmp_path, name, text, line, message):
    """With the line that tells, and the name it should have."""
    path = tmp_path / name
    path.write_text(text)
    assert told(path) == [(line, "error", message)]


def test_an_included_file_too(tmp_path):
    """The other files are read all the same."""
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
    """What merely looks like the other form within it is judged as what it is."""
    path = tmp_path / name
    path.write_text(text)
    assert not any("by its name" in message for _, _, message in told(path))

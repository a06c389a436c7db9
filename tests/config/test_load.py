"""Loading gives a configuration, or every problem at once with its place and a way out."""

import contextlib
import json
import os
import signal
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procman.config.assumptions import Assumptions
from procman.config.load import load, read
from procman.config.problems import ConfigError
from procman.config.runtime_dir import default_socket
from procman.config.schema.options import AUTO
from procman.config.schema.sections import SECTIONS
from procman.config.schema.servers import InetServer, UnixServer
from procman.core.spec import Autorestart
from procman.errors import ProcmanError

MAIN = "[supervisord]\n"


@pytest.fixture
def write(tmp_path):
    """Write a file below the test's directory."""

    def write(text, name="supervisord.conf"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return str(path)

    return write


@pytest.fixture
def config(write):
    """The configuration of a text, in an environment with one variable."""

    def config(text, name="supervisord.conf", **more):
        return load(write(text, name), environ={"HOME": "/root", "A": "b"}, **more)

    return config


@pytest.fixture
def problems(write):
    """The problems of a text, as (line, option, severity, message)."""

    def problems(text, name="supervisord.conf"):
        found = read(write(text, name), environ={}).problems
        return [(problem.line, problem.option, problem.severity, problem.message) for problem in found]

    return problems


@pytest.fixture
def complaint(problems):
    """The only problem of a text."""

    def complaint(text, name="supervisord.conf"):
        found = problems(text, name)
        assert len(found) == 1, found
        return found[0]

    return complaint


# ------------------------------------------------------------------------------------------------ problems


def test_all_problems_are_told_at_once(write):
    """Each has a line with file, line, section and option, in the order of the file."""
    path = write(
        """\
        [supervisord]
        loglevel=warning
        [program:web]
        comand=/bin/web
        stopsignal=TREM
        user=nosuchuser
        [program:api]
        command=/bin/api
        autostart=ja
        stdout_logfile=/no/such/place/x.log
        [group:all]
        programs=web,apis
        """
    )
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert [(problem.line, problem.section, problem.option) for problem in caught.value.problems] == [
        (2, "supervisord", "loglevel"),
        (3, "program:web", None),
        (4, "program:web", "comand"),
        (5, "program:web", "stopsignal"),
        (6, "program:web", "user"),
        (9, "program:api", "autostart"),
        (10, "program:api", "stdout_logfile"),
        (12, "group:all", "programs"),
    ]
    lines = str(caught.value).splitlines()
    assert len(lines) == 8
    assert lines[3] == (
        f"{path}:5: [program:web] stopsignal: cannot read 'TREM': expected a name such as TERM or SIGQUIT, or a "
        "number; did you mean TERM?"
    )
    assert lines[2].endswith("did you mean command? (warning)")


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[supervisord]\nnodaemaon=true\n", 2, "did you mean nodaemon?"),
        ("[supervisord]\nautostart=true\n", 2, "belongs in [program:NAME] or [eventlistener:NAME]"),
        ("[supervisord]\n[program:a]\ncommand=x\ndirecory=/\n", 4, "did you mean directory?"),
        ("[supervisord]\n[program:a]\ncommand=x\nnodaemon=true\n", 4, "belongs in [supervisord]"),
        ("[supervisord]\n[program:a]\ncommand=x\ngroup=web\n", 4, "a process has the groups of its user"),
        ("[supervisord]\n[program:a]\ncommand=x\nlogfile=/dev/null\n", 4, "did you mean stdout_logfile?"),
        ("[supervisord]\nhttp_port=9001\n", 2, "write port = in a section [inet_http_server]"),
        ("[supervisord]\nsocket=/run/p.sock\n", 2, "the control socket is file = in a section [unix_http_server]"),
        ("[supervisord]\n[include]\nfiles=none/*\n", 3, "no file matches"),
        ("[supervisord]\n[include]\nfiles=*.conf\n", 3, "no other file matches"),
        ("[supervisord]\n[program:a]\ncommand=x\n[program:b\n", 4, "lacks its closing bracket?"),
        ("[supervisord]\nprofile_options=x\n", 2, "has no effect"),
        ("[supervisord]\n[programs:a]\n", 2, "did you mean [program:a]?"),
        ("[supervisord]\n[program]\n", 2, "it needs a name, [program:NAME]"),
        ("[supervisord]\n[Program:a]\n", 2, "did you mean [program:a]?"),
        ("[supervisord]\n[program:a]\ncommand=x 'a ; b'\n", 3, "leave out the blank before the ;"),
        ("[supervisord]\n[program:a]\ncommand=date +%s\n", 3, "write %% for a percent sign"),
        ("[supervisord]\n[program:a]\ncommand=\n", 3, "the command is empty"),
        ("[supervisord]\n[supervisorctl]\nprompt=%(x)s\n", 3, "cannot be expanded"),
    ],
)
def test_what_supervisor_silently_ignores_is_a_warning(complaint, text, line, hint):
    """The warning has its line and what was probably meant; the file is accepted."""
    found = complaint(text)
    assert (found[0], found[2]) == (line, "warning")
    assert hint in found[3]


def test_warnings_stay_with_the_configuration(config):
    """The master logs them."""
    assert [warning.option for warning in config(MAIN + "nodaemaon=true\n").warnings] == ["nodaemaon"]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[procman]\nlogleve = 'info'\n", 2, "did you mean loglevel?"),
        ("[procman]\nautostart = true\n", 2, "belongs in [program.NAME]"),
        ("[procman]\numask = 22\n", 2, "octal digits in quotes"),
        ("[program.a]\ncommand = 'x'\nstartsecs = '10 parsecs'\n", 3, '"10s"'),
        ("[program.a]\ncommand = 'x'\nstartsecs = inf\n", 3, "expected"),
        ("[program.a]\ncommand = 'x'\nautostart = 1\n", 3, "expected true or false"),
        ("[program.a]\ncommand = []\n", 2, "expected a command"),
        ("[program.a]\n\ncommand = ['x', 1]\n", 3, "a text, or a list of texts"),
        ("[program.a]\ncommand = 'date +%s'\n", 2, "write %% for a percent sign"),
        ("[program.a]\ncommand = 'x'\nenvironment = { A = [1] }\n", 3, "A: expected a text"),
        ("[program.a]\ncommand = 'x'\nexitcodes = [0, 256]\n", 3, "from 0 to 255"),
        ("[inet_http_server]\nport = true\n", 2, "expected a port"),
        ("[group.g]\nprograms = ['nothing']\n", 2, "there is no program 'nothing'"),
        ("include = [1]\n", 1, "cannot read"),
        ("include = ['missing.toml']\n", 1, "there is no file"),
    ],
)
def test_toml_is_strict(complaint, text, line, hint):
    """There are no old TOML files to be compatible with."""
    found = complaint(text, "procman.toml")
    assert (found[0], found[2]) == (line, "error")
    assert hint in found[3]


@pytest.mark.parametrize(
    ("content", "slug", "line"),
    [
        (b"[supervisord]\n\n[program:a]\ncommand=\xff\n", "encoding", 4),
        (b"\xef\xbb\xbf[supervisord]\n", "missing-section-header", 1),
        (b"[supervisord]\nx=\0\n", "syntax", 2),
        (b"command=x\n", "missing-section-header", 1),
        (b"[supervisord]\n" + b"#" * (8 * 1024 * 1024), "unreadable-file", None),
    ],
)
def test_a_file_that_is_no_text_is_a_clear_error(tmp_path, content, slug, line):
    """There is no traceback."""
    path = tmp_path / "supervisord.conf"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(str(path), environ={})
    assert (caught.value.problems[0].slug, caught.value.problems[0].line) == (slug, line)


def test_a_missing_file_and_a_folder_say_so(tmp_path):
    """The message has the path and the system's reason."""
    with pytest.raises(ConfigError, match=r"^\S+/none\.conf: cannot read the file: No such file or directory$"):
        load(str(tmp_path / "none.conf"))
    with pytest.raises(ConfigError, match=r"cannot read the file: Is a directory$"):
        load(str(tmp_path))


def test_a_file_without_supervisord_is_refused(complaint):
    """It is a fragment for another file."""
    assert "no [supervisord] section" in complaint("[program:a]\ncommand=x\n")[3]


def test_no_secret_gets_into_a_message(write):
    """Messages contain neither passwords nor values of an environment."""
    path = write(
        """\
        [supervisord]
        environment=TOKEN="hunter2,B
        [program:a]
        command=x
        environment=TOKEN=hunter2@x,B
        [inet_http_server]
        port=1
        username=me
        password=hunter2%U%(hunter2
        [unix_http_server]
        file=/tmp/x
        username=me
        password=x%hunter2%y
        [supervisorctl]
        password=%(hunter2)
        """
    )
    loaded = read(path, environ={"SECRET": "hunter2"})
    assert loaded.config is None
    assert "hunter2" not in json.dumps([problem.to_json() for problem in loaded.problems])


def test_too_many_processes_are_refused_at_once(complaint):
    """Linux has fewer pids, and a typing error must not fill the memory."""
    text = MAIN + "[program:a]\ncommand=x\nnumprocs=4194305\nprocess_name=%(process_num)d\n"
    assert "cannot run 4194305 processes" in complaint(text)[3]


@pytest.mark.parametrize(("count", "warnings"), [(10_000, []), (10_001, [(4, "numprocs")])])
def test_many_processes_are_taken_with_a_warning_of_what_they_cost(config, count, warnings):
    """They are accepted as in supervisord; the warning has the place, time, memory and descriptors."""
    text = f"{MAIN}[program:a]\ncommand=x\nnumprocs={count}\nprocess_name=%(process_num)d\n"
    found = config(text)
    assert sum(len(group.programs) for group in found.groups) == count
    assert [(problem.line, problem.option) for problem in found.warnings] == warnings
    assert all("1 s" in p.message and "98 MiB" in p.message and "50005 descr" in p.message for p in found.warnings)


def test_no_process_at_all_is_a_warning(tmp_path):
    """It is a warning in both forms; supervisord is silent, and nothing runs."""
    path = tmp_path / "procman.toml"
    path.write_text('[program.a]\ncommand = "x"\nnumprocs = 0\n')
    (problem,) = read(str(path)).problems
    assert (problem.line, problem.option, problem.severity) == (3, "numprocs", "warning")
    assert "autostart = false" in problem.message


VALUES = [
    "0",
    "-1",
    str(10**30),
    "1.5",
    "nan",
    "true",
    '""',
    '"x"',
    '"%"',
    '"%(no)s"',
    '"%s"',
    r'"\u0000"',
    '"-1"',
    "1979-05-27",
]
VALUES += [
    '"1e999h"',
    '"infs"',
    "[]",
    "[1]",
    '["x"]',
    "[[]]",
    "{}",
    "{ a = 1 }",
    "{ a = {} }",
    r'{ a = "\u0000" }',
    '"::"',
    '"/"',
]
OPTIONS = [(known, option) for known in SECTIONS.values() for option in known.options]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(OPTIONS), st.sampled_from(VALUES)), min_size=1, max_size=4))
def test_no_toml_value_brings_more_than_problems(tmp_path, chosen):
    """Any value gives a configuration or a ConfigError."""
    lines = {}
    for (known, option), value in chosen:
        if known.ini == "include":
            lines["include"] = f"include = {value}"
        else:
            lines[known.toml, option] = f"{known.toml}.{'x.' if known.named else ''}'{option}' = {value}"
    path = tmp_path / "procman.toml"
    path.write_text("\n".join(lines.values()))
    with contextlib.suppress(ConfigError):
        load(str(path), environ={})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.sampled_from(["procman.toml", "supervisord.conf"]))
def test_no_bytes_bring_more_than_problems(tmp_path, content, name):
    """Any bytes give a configuration or a ConfigError, in both forms."""
    path = tmp_path / name
    path.write_bytes(b"[supervisord]\n[program:a]\n" + content if name.endswith("conf") else content)
    with contextlib.suppress(ConfigError):
        load(str(path), environ={})


# ------------------------------------------------------------------------------------------------ files


def test_includes_are_read_in_order_and_the_last_one_wins(config, write):
    """Patterns are read in order, their files by name; %(here)s is the directory of the file that contains it."""
    write("[program:a]\ncommand=first\ndirectory=%(here)s\n", "conf.d/1.ini")
    write("[program:a]\ncommand=second\n[program:b]\ncommand=b\n", "conf.d/2.ini")
    write("[program:b]\nautostart=false\n", "last.ini")
    loaded = config(
        """\
        [include]
        files = conf.d/*.ini
          %(here)s/last.ini
        [supervisord]
        [program:a]
        command=main
        stdout_logfile=%(here)s/a.log
        """
    )
    a, b = (group.programs[0] for group in loaded.groups)
    assert (a.command, a.directory) == ("second", f"{loaded.here}/conf.d")
    assert a.stdout_logfile == f"{loaded.here}/a.log"
    assert (b.command, b.autostart) == ("b", False)
    assert [name.removeprefix(loaded.here) for name in loaded.files] == [
        "/supervisord.conf",
        "/conf.d/1.ini",
        "/conf.d/2.ini",
        "/last.ini",
    ]


def test_an_include_in_an_included_file_is_not_followed(config, write):
    """As in supervisor, but with a warning."""
    write("[include]\nfiles=other.ini\n", "more.ini")
    loaded = config(MAIN + "[include]\nfiles=more.ini\n")
    assert [(warning.line, warning.section) for warning in loaded.warnings] == [(1, "include")]
    assert loaded.warnings[0].file.endswith("more.ini")


def test_problems_name_the_file_they_are_in(write):
    """This also holds for a section in two files."""
    write("[program:a]\n\nautostart=ja\n", "more.ini")
    loaded = read(write(MAIN + "[include]\nfiles=more.ini\n[program:a]\ncommand=x\n"), environ={})
    assert [(problem.file.rpartition("/")[2], problem.line) for problem in loaded.problems] == [("more.ini", 3)]


def test_a_folder_for_toml_includes_may_be_empty_and_has_to_be_there(write, tmp_path):
    """An empty directory is for later files; a missing file is a mistake."""
    file = write("include = ['more/*.toml']\n[program.a]\ncommand = 'x'\n", "main.toml")
    message = (
        f"no file matches {tmp_path}/more/*.toml: there is no folder {tmp_path}/more; make it, or take the pattern out"
    )
    assert [warning.message for warning in load(file, environ={}).warnings] == [message]
    (tmp_path / "more").mkdir()
    assert load(file, environ={}).warnings == ()


def test_a_cycle_of_toml_includes_is_an_error(write):
    """The message shows the cycle."""
    write('include = ["b.toml"]\n', "a.toml")
    write('include = ["c.toml"]\n', "b.toml")
    write('\ninclude = ["a.toml"]\n', "c.toml")
    with pytest.raises(
        ConfigError, match=r"c\.toml:2: .*a\.toml includes \S+b\.toml includes \S+c\.toml includes \S+a\.t"
    ):
        load(write('include = ["a.toml"]\n', "main.toml"), environ={})


def test_toml_includes_both_forms_and_follows_toml(config, write):
    """Later files win here too."""
    write('include = ["deep.toml"]\n[program.a]\ncommand = "a"\n', "more/a.toml")
    write('[program.a]\nautostart = false\ndirectory = "%(here)s"\n', "more/deep.toml")
    write("[program:b]\ncommand=b\n", "b.conf")
    loaded = config('include = ["more/*.toml", "b.conf"]\n', "procman.toml")
    a, b = (group.programs[0] for group in loaded.groups)
    assert (a.command, a.autostart, b.command) == ("a", False, "b")
    assert a.directory == f"{loaded.here}/more"


def test_a_file_included_twice_is_no_cycle(config, write):
    """Two files may include the same third one."""
    write('[program.c]\ncommand = "c"\n', "c.toml")
    write('include = ["c.toml"]\n', "a.toml")
    loaded = config('include = ["a.toml", "c.toml"]\n', "procman.toml")
    assert [group.name for group in loaded.groups] == ["c"]


# ------------------------------------------------------------------------------------------------ programs


def test_every_option_of_a_program_gets_its_type(config):
    """Sizes are bytes, signals and modes are numbers, and missing options have their defaults."""
    loaded = config(
        """\
        [supervisord]
        [program:web]
        command=/bin/web "x y" %(ENV_A)s
        umask=027
        stopsignal=sigquit
        autorestart=true
        startsecs=0
        exitcodes=0, 2
        stdout_logfile=NONE
        stdout_logfile_maxbytes=1KB
        stderr_logfile=/dev/fd/2
        """
    )
    [group] = loaded.groups
    [web] = group.programs
    assert (web.name, web.group, web.section, web.namespec) == ("web", "web", "program:web", "web")
    assert web.command == '/bin/web "x y" b'
    assert web.umask == 0o027
    assert web.stopsignal is signal.SIGQUIT
    assert web.autorestart is Autorestart.ALWAYS
    assert web.startsecs == 0
    assert web.exitcodes == (0, 2)
    assert (web.stdout_logfile, web.stdout_logfile_maxbytes) == (None, 1024)
    assert (web.stderr_logfile, web.stderr_logfile_maxbytes) == ("/dev/fd/2", 50 * 1024 * 1024)
    assert (group.priority, web.priority, web.stopwaitsecs) == (999, 999, 10)


def test_logs_are_auto_when_nothing_is_said(config):
    """With redirect_stderr there is no log for stderr."""
    one, two = config(MAIN + "[program:a]\ncommand=a\n[program:b]\ncommand=b\nredirect_stderr=true\n").groups
    assert (one.programs[0].stdout_logfile, one.programs[0].stderr_logfile) == (AUTO, AUTO)
    assert (two.programs[0].stdout_logfile, two.programs[0].stderr_logfile) == (AUTO, None)


def test_environment_has_quotes_commas_and_lines(config):
    """The program's variables override the master's, and both can be used in other options."""
    loaded = config(
        """\
        [supervisord]
        environment=A="1",B="of the master"
        [program:web]
        environment=
            B="two, three",
            C='say "x"',
            D=/plain/path
        command=run %(ENV_A)s %(ENV_D)s
        """
    )
    [web] = loaded.groups[0].programs
    assert web.environment == {"A": "1", "B": "two, three", "C": 'say "x', "D": "/plain/path"}
    assert web.command == "run 1 /plain/path"
    assert loaded.master.environment == {"A": "1", "B": "of the master"}


def test_numprocs_makes_numbered_processes(config):
    """They are in the order of their names, as in supervisor."""
    [group] = config(
        """\
        [supervisord]
        [program:w]
        command=w %(process_num)d of %(numprocs)d
        process_name=%(program_name)s_%(process_num)d
        numprocs=3
        numprocs_start=9
        """
    ).groups
    assert [(p.name, p.command, p.namespec) for p in group.programs] == [
        ("w_10", "w 10 of 3", "w:w_10"),
        ("w_11", "w 11 of 3", "w:w_11"),
        ("w_9", "w 9 of 3", "w:w_9"),
    ]


def test_groups_take_their_programs(config):
    """Groups have the order of their names; other programs make groups of their own, by priority."""
    loaded = config(
        """\
        [supervisord]
        [group:site]
        programs=web,api
        priority=10
        [program:api]
        command=%(group_name)s-%(program_name)s
        [program:web]
        command=web
        [program:db]
        command=db
        priority=5
        [eventlistener:mail]
        command=mail
        events=process_state, TICK_60
        """
    )
    assert [(group.name, group.kind, group.priority) for group in loaded.groups] == [
        ("mail", "eventlistener", -1),
        ("db", "program", 5),
        ("site", "group", 10),
    ]
    assert [program.namespec for program in loaded.groups[2].programs] == ["site:web", "site:api"]
    assert loaded.groups[2].programs[1].command == "site-api"
    assert loaded.groups[0].listener.events == ("PROCESS_STATE", "TICK_60")


def test_programs_of_a_group_are_in_the_order_of_their_priorities(config):
    """Programs of a group start in the order of their priorities, and otherwise in that of `programs`."""
    loaded = config(
        """\
        [supervisord]
        [group:site]
        programs=web,db,api,cache
        [program:web]
        command=web
        [program:db]
        command=db
        priority=5
        [program:api]
        command=api
        [program:cache]
        command=cache
        priority=4
        """
    )
    assert [program.name for program in loaded.groups[0].start_order] == ["cache", "db", "web", "api"]


def test_two_groups_of_one_name_are_told_and_the_first_one_stays(config):
    """Supervisor silently keeps the first one in its order."""
    loaded = config(MAIN + "[program:b]\ncommand=b\n[group:a]\nprograms=b\n[program:a]\ncommand=a\npriority=1\n")
    assert [group.kind for group in loaded.groups] == ["program"]
    assert "another group named a" in loaded.warnings[0].message


def test_a_fastcgi_socket_belongs_to_the_programs_user(config):
    """This is the default."""
    text = "[fcgi-program:f]\ncommand=f\nsocket=unix:///tmp/%(program_name)s.sock\nuser=php\n"
    [group] = config(MAIN + text, assume=Assumptions(users={"php": 4321})).groups
    assert (group.socket.path, group.socket.mode, group.socket.owner_ids) == ("/tmp/f.sock", 0o700, (4321, 4321))
    assert group.programs[0].uid == 4321


# ------------------------------------------------------------------------------------------------ the master


def test_servers_and_the_url_children_get(config):
    """A unix socket is preferred to an internet socket."""
    loaded = config(
        """\
        [supervisord]
        [inet_http_server]
        port=*:9001
        username=me
        password=x%%y
        [unix_http_server]
        file=%(here)s/s.sock
        chmod=0770
        """
    )
    assert loaded.servers == (
        InetServer(host="", port=9001, username="me", password="x%y"),
        UnixServer(file=f"{loaded.here}/s.sock", chmod=0o770),
    )
    assert loaded.serverurl == f"unix://{loaded.here}/s.sock"
    assert config(MAIN).serverurl is None


def test_the_command_line_overrides_the_file(config):
    """Overrides are the typed text by the name of the option."""
    text = MAIN + "loglevel=debug\nnodaemon=false\nlogfile=/tmp/a.log\n"
    master = config(text, overrides={"loglevel": "warn", "nodaemon": "true", "umask": "077"}).master
    assert (master.loglevel, master.nodaemon, master.umask, master.logfile) == ("warn", True, 0o077, "/tmp/a.log")


def test_a_bad_override_is_a_problem_like_others(write):
    """It is reported for the command line, together with the problems of the file."""
    with pytest.raises(ConfigError) as caught:
        load(write(MAIN + "minfds=x\n"), environ={}, overrides={"umask": "rwx", "user": "nosuchuser"})
    assert [(problem.file.rpartition("/")[2], problem.option) for problem in caught.value.problems] == [
        ("supervisord.conf", "minfds"),
        ("command line", "umask"),
        ("command line", "user"),
    ]


def test_paths_of_the_master_are_absolute(config, tmp_path, monkeypatch):
    """They are relative to its current directory; syslog is not a path."""
    monkeypatch.chdir(tmp_path)
    master = config(MAIN + "pidfile=x/../p.pid\n", assume=Assumptions(directories=frozenset({"x/.."}))).master
    assert (master.logfile, master.pidfile) == (f"{tmp_path}/supervisord.log", f"{tmp_path}/p.pid")
    assert config(MAIN + "logfile=syslog\n").master.logfile == "syslog"


@pytest.mark.parametrize("section", ["[procman]\n", ""])
def test_toml_leaves_nothing_in_the_folder_where_it_is_started(section, tmp_path, monkeypatch):
    """The log goes to the console and the pid file beside the socket, without a complaint by `check`."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/4711")
    path = tmp_path / "shop.toml"
    path.write_text(f'{section}[program.web]\ncommand = "true"\nstdout_logfile = "-"\n')
    found = read(str(path), places=True)
    assert found.problems == ()
    assert found.config.master.logfile == "/dev/stdout"
    assert found.config.master.pidfile == default_socket(str(path)).replace(".sock", ".pid")


def test_in_ini_they_are_where_supervisord_has_them(config, tmp_path, monkeypatch):
    """They are in the current directory."""
    monkeypatch.chdir(tmp_path)
    master = config(MAIN).master
    assert (master.logfile, master.pidfile) == (f"{tmp_path}/supervisord.log", f"{tmp_path}/supervisord.pid")


@pytest.mark.parametrize(
    ("said", "overrides"),
    [("daemon = true", {}), ("silent = true", {}), ("", {"daemon": "true"}), ("", {"silent": "true"})],
)
def test_without_a_console_toml_logs_into_the_run_time_directory(said, overrides, tmp_path):
    """Daemons and silent masters log there, a megabyte at a time, because it is often in memory."""
    path = tmp_path / "shop.toml"
    path.write_text(f"[procman]\n{said}\n")
    master = load(str(path), overrides=overrides).master
    assert master.logfile == default_socket(str(path)).replace(".sock", ".log")
    assert master.logfile_maxbytes == 1024 * 1024
    path.write_text(f'[procman]\n{said}\nlogfile = "%(here)s/l"\npidfile = "%(here)s/p"\n')
    master = load(str(path), overrides=overrides).master
    assert (master.logfile, master.pidfile) == (f"{tmp_path}/l", f"{tmp_path}/p")
    assert master.logfile_maxbytes > 1024 * 1024


def test_nodaemon_on_the_command_line_wins_over_the_file(tmp_path):
    """The master stays in the foreground and logs there."""
    path = tmp_path / "shop.toml"
    path.write_text("[procman]\ndaemon = true\n")
    master = load(str(path), overrides={"nodaemon": "true"}).master
    assert (master.daemon, master.logfile) == (False, "/dev/stdout")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_pid_file_is_where_the_user_that_the_master_becomes_may_write(tmp_path, monkeypatch):
    """The socket is there too."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    path = tmp_path / "shop.toml"
    path.write_text('[procman]\nuser = "nobody"\n')
    config = load(str(path))
    assert os.path.dirname(config.master.pidfile) == f"/tmp/procman-{config.master.uid}"


# ------------------------------------------------------------------------------------------------ assumptions


def test_assumptions_stand_for_another_machine(write):
    """Variables, users, directories, plug-ins and the host name are those of the assumptions."""
    path = write(
        """\
        [supervisord]
        user=web
        childlogdir=/srv/logs
        [program:a]
        command=%(ENV_X)s on %(host_node_name)s
        [eventlistener:e]
        command=e
        events=EVENT
        result_handler=some.where:handle
        [unix_http_server]
        file=/tmp/s
        chown=web:www
        """
    )
    assume = Assumptions.from_json(
        {
            "env": {"X": "1"},
            "users": {"web": 7},
            "groups": {"www": 8},
            "directories": ["/srv/logs"],
            "plugins": ["some.where:handle"],
            "host_node_name": "moon",
        }
    )
    loaded = load(path, assume=assume)
    assert loaded.master.uid == 7
    assert loaded.groups[1].programs[0].command == "1 on moon"
    assert loaded.servers[0].chown_ids == (7, 8)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("content", [[], {"envs": {}}, {"env": []}, {"users": {"a": "1"}}, {"plugins": "x"}])
def test_assumptions_of_a_wrong_shape_are_refused(content):
    """The message says what is wrong."""
    with pytest.raises(ProcmanError, match="cannot read the assumptions"):
        Assumptions.from_json(content)


def test_a_plugin_is_looked_for_and_not_imported(config, tmp_path, monkeypatch):
    """A check must not run code."""
    (tmp_path / "plug").mkdir()
    (tmp_path / "plug" / "__init__.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "plug" / "inner.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = MAIN + "[rpcinterface:x]\nsupervisor.rpcinterface_factory=plug.inner:make\nretries=3\n"
    [rpc] = config(text).rpcinterfaces
    assert (rpc.name, rpc.factory, rpc.options) == ("x", "plug.inner:make", {"retries": "3"})
    with pytest.raises(ConfigError, match=r"cannot find 'plug\.outer:make'"):
        config(text.replace("inner", "outer"))


@pytest.mark.parametrize(("name", "severity"), [("a.conf", "warning"), ("a.toml", "error")])
def test_a_command_with_an_open_quote_is_found_before_it_is_started(tmp_path, name, severity):
    """Supervisord accepts such a file; in TOML it is an error."""
    text = (
        "[program.a]\ncommand = 'cat \"x'\n"
        if name.endswith("toml")
        else '[supervisord]\n[program:a]\ncommand=cat "x\n'
    )
    (tmp_path / name).write_text(text)
    [problem] = read(str(tmp_path / name)).problems
    assert (problem.option, problem.severity) == ("command", severity)
    assert "No closing quotation" in problem.message


def test_a_socket_path_that_no_socket_can_have_is_found(tmp_path):
    """A socket's path has at most 107 bytes."""
    (tmp_path / "a.conf").write_text(f"[unix_http_server]\nfile=/tmp/{'x' * 120}\n[supervisord]\n")
    [problem] = read(str(tmp_path / "a.conf")).problems
    assert (problem.line, problem.option, problem.severity) == (2, "file", "warning")

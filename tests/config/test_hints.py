"""Mistakes of users who write their first file, or come from another process manager, are reported with a way out."""

import pytest

from procman.config.load import read

WEB = "[program.web]\ncommand = 'x'\n"


def complaints(folder, text, name="procman.toml", **environ):
    """(line, option, severity, message) of each problem."""
    path = folder / name
    path.write_text(text)
    problems = read(str(path), environ=environ).problems
    return [(problem.line, problem.option, problem.severity, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[program.web]\ncommand = sleep 100", 2, 'put it in quotes: command = "sleep 100"'),
        ("[program.web]\ncommand = sleep 100 # a comment", 2, 'put it in quotes: command = "sleep 100"'),
        (WEB + "startsecs = 10s", 3, 'put it in quotes: startsecs = "10s"'),
        (WEB + "umask = 022", 3, 'put it in quotes: umask = "022"'),
        (WEB + "directory = C:\\x", 3, "put it in quotes: directory = 'C:\\x'"),
        (WEB + "autostart = True", 3, "write autostart = true"),
        (WEB + "autostart = no", 3, "write autostart = false"),
        (WEB + 'environment = A="b",C=d', 3, 'environment = { NAME = "value" }'),
        (WEB + "user: www-data", 3, 'TOML has = between name and value: user = "www-data"'),
        (WEB + "; a comment", 3, "a comment begins with #"),
        (WEB + "autostart", 3, "write autostart = and a value"),
        (WEB + "user =", 3, 'write a value: user = "…"'),
        (WEB + "user = \u201cme\u201d", 3, "write straight quotes"),
        ('[program.web]\ncommand = "sleep 100', 2, 'close the quote: " at its end'),
        ('[program.web]\ncommand = """sleep 100', 2, 'close it with """'),
        ("[program.web]\ncommand = 'it's'", 2, "the text ends at its second ': put it in double quotes, or in '''"),
        ('[program.web]\ncommand = "a \\d"', 2, "in single quotes it stands for itself"),
        ('[program.web]\ncommand = "a", "b"', 2, "several values are a list: command = [ … ]"),
        ("[group.g]\nprograms = [a, b]", 2, "a list has quotes around each text"),
        ("[group.g]\nprograms = ['a',", 2, "a ] "),
        ("[program.web", 1, "close the bracket: [program.web]"),
        ("[program web]", 1, "write [program.web]"),
        ("[program.web]]", 1, "write [program.web]"),
        ("[program:web]\n[procman]", 1, "write [program.web]"),
        ("[watcher:a b]", 1, 'write [program."a b"]'),
        ("* * *", 1, "expected a [table], or a name = value"),
        (WEB + "[program.web]", 3, "it is defined above already: write its options there"),
        (WEB + "command = 'y'", 3, "the same name is used above already: take one of them out"),
    ],
)
def test_invalid_toml_is_reported_with_what_to_write(tmp_path, text, line, hint):
    """Usually quotes are missing; the parser alone says "Invalid value"."""
    [(where, _, severity, message)] = complaints(tmp_path, text)
    assert (where, severity) == (line, "error")
    assert message.startswith("cannot read this as TOML: ")
    assert hint in message


@pytest.mark.parametrize(
    "line", ["password = hunter2", "token: hunter2", "command = x --password=hunter2", "x 'hunter2", "hunter2"]
)
def test_no_secret_is_in_the_line_that_is_offered(tmp_path, line):
    """Text that is put into quotes may be a password."""
    [(_, _, _, message)] = complaints(tmp_path, f"[inet_http_server]\n{line}\n")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[web]\ncommand = 'x'", "did you mean [program.web]?"),
        ("[web]\nscript = 'x'", "did you mean [program.web]?"),
        ("['a b']\ncommand = 'x'", 'did you mean [program."a b"]?'),
        ("[services.web]\ncommand = 'x'\n[services.db]\ncommand = 'x'", "did you mean [program.web]?"),
        ("[programs.web]\ncommand = 'x'", "did you mean [program.web]?"),
        ("[[program]]\nname = 'web'\ncommand = 'x'", "expected a table, [program.web]"),
        ("[[apps]]\nname = 'web'\nscript = 'x'", "did you mean [program.web]?"),
        ("[program]\ncommand = 'x'\ndirectory = '/'\nuser = 'root'", "the section needs a name, [program.NAME]"),
        ("program.web = 'x'", "write [program.web], and its options below"),
        ("[procman.web]\ncommand = 'x'", "did you mean [program.web]?"),
        ("[procman.program.web]\ncommand = 'x'", "did you mean [program.web]?"),
        ("[procman.procmanctl]\nprompt = 'x'", "did you mean [procmanctl]?"),
        ("[listener.x]\ncommand = 'x'", "did you mean [eventlistener.x]?"),
        ("[supervisor]", "did you mean [procman]?"),
        ("[xyzzy]\nx = 1", "there is no such section: take it out"),
        ("[http]\nport = 1", "did you mean [inet_http_server]?"),
        ("[include]\nfiles = ['x']", 'include = ["conf.d/*.toml"]'),
        ("[procman]\ninclude = ['x']", "write it at the top of the file, before the first [ ]"),
        ("include = 'a.conf b.conf'", 'several files are a list: include = ["a.conf", "b.conf"]'),
        ("[inet_http_server]\nport = '127.0.0.1:9001'\nhost = 'x'", "write it into port, before a colon"),
        ("[unix_http_server]\nfile = '/x'\nmode = 'x'", "its name here is chmod"),
        ("[procmanctl]\nserver = 'x'", "its name here is serverurl"),
        ("[procman]\numask = 755", 'did you mean "755"?'),
        ("[procman]\numask = 0o755", 'did you mean "0755"?'),
        ("[program.web]\ncommand = ''", "expected a command"),
        ("[program.web]\ncommand = 7", "expected a command: a text, or a list of texts"),
        (
            "[program.web]\ncommand = 'x'\n[group.g]\nprograms = 'web api'",
            'names are separated by commas, "web", "api"',
        ),
    ],
)
def test_a_section_of_toml_that_is_none_is_told_once_with_what_was_meant(tmp_path, text, hint):
    """The proposal has the name of the section."""
    [(_, _, severity, message)] = complaints(tmp_path, text)
    assert severity == "error"
    assert hint in message


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("[web]", "did you mean [program:web]?"),
        ("[watcher:web]", "did you mean [program:web]?"),
        ("[service:web]", "did you mean [program:web]?"),
        ("[programs:web]", "did you mean [program:web]?"),
        ("[program.web]", "did you mean [program:web]?"),
        ("[program web]", "did you mean [program:web]?"),
        ("[Program:web]", "did you mean [program:web]?"),
        ("[program]", "it needs a name, [program:NAME]"),
        ("[xyzzy:web]\nx=y\n[program:web]", "there is no such section: take it out"),
        ("[listener:web]", "did you mean [eventlistener:web]?"),
    ],
)
def test_a_section_of_ini_that_is_none_is_told_with_what_was_meant(tmp_path, header, hint):
    """It is a warning, because supervisor ignores it and a plug-in may use it."""
    [(line, _, severity, message)] = complaints(tmp_path, f"[supervisord]\n{header}\ncommand=x\n", "a.conf")
    assert (line, severity) == (2, "warning")
    assert hint in message


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        # compose
        ("working_dir", "its name here is directory"),
        ("restart", "its name here is autorestart"),
        ("stop_grace_period", "its name here is stopwaitsecs"),
        ("requires", "depends_on"),
        ("image", "procman runs programs, and no containers"),
        # pm2
        ("cwd", "its name here is directory"),
        ("env", "its name here is environment"),
        ("script", "its name here is command"),
        ("instances", "its name here is numprocs"),
        ("error_file", "its name here is stderr_logfile"),
        ("max_restarts", "its name here is startretries"),
        ("kill_timeout", "its name here is stopwaitsecs"),
        ("tty", "its name here is pty"),
        ("healthcheck", "its name here is health"),
        # systemd
        ("ExecStart", "its name here is command"),
        ("WorkingDirectory", "its name here is directory"),
        ("TimeoutStopSec", "its name here is stopwaitsecs"),
        ("StandardError", "its name here is stderr_logfile"),
        ("KillMode", "its name here is stop_scope"),
        ("LimitNOFILE", "its name here is rlimit_nofile"),
        ("ExecStartPre", "its name here is pre_start"),
        ("ExecStop", "its name here is stop_command"),
        ("ExecReload", "its name here is reload"),
        ("RestartSec", "its name here is backoff"),
        ("OnCalendar", "its name here is schedule"),
        # circus, Kubernetes, launchd
        ("numprocesses", "its name here is numprocs"),
        ("workingDir", "its name here is directory"),
        ("KeepAlive", "its name here is autorestart"),
        # what stands elsewhere under that name
        ("port", "the program listens where its command says"),
        ("username", "its name here is user"),
        ("logfile", "did you mean stdout_logfile?"),
    ],
)
def test_an_option_of_another_process_manager_is_told_its_name_here(tmp_path, option, hint):
    """It is an error in TOML, and a warning in INI, where supervisord ignores it."""
    [(line, name, severity, message)] = complaints(tmp_path, f"{WEB}{option} = 'x'\n")
    assert (line, name, severity) == (3, option, "error")
    assert message.endswith(hint)
    [(line, name, severity, message)] = complaints(
        tmp_path, f"[supervisord]\n[program:web]\ncommand=x\n{option}=x\n", "a.conf"
    )
    assert (line, name, severity) == (4, option.lower(), "warning")
    assert message.endswith(hint)


def test_foreign_options_of_the_master_are_translated(tmp_path):
    """Only options of the master are proposed for it."""
    messages = [message for *_, message in complaints(tmp_path, "[procman]\nlog = 'x'\ncwd = '/'\nimage = 'x'\n")]
    assert [message.partition("; ")[2] for message in messages] == [
        "its name here is logfile",
        "its name here is directory",
        "",
    ]


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("stopsignal", "SIGTREM", "did you mean SIGTERM?"),
        ("stopsignal", "trem", "did you mean TERM?"),
        ("stopsignal", "QIUT", "did you mean QUIT?"),
        ("autostart", "ture", "did you mean true?"),
        ("autorestart", "unexpcted", "did you mean unexpected?"),
        ("autorestart", "always", "did you mean true?"),
        ("autorestart", "on-failure", "did you mean unexpected?"),
        ("stop_scope", "gruop", "did you mean group?"),
    ],
)
def test_a_value_with_a_slip_in_it_is_told_what_was_meant(tmp_path, option, value, hint):
    """Misspelt values are recognised in both forms."""
    assert [message for *_, message in complaints(tmp_path, f"{WEB}{option} = '{value}'\n") if hint in message]
    text = f"[supervisord]\n[program:web]\ncommand=x\n{option}={value}\n"
    assert [message for *_, message in complaints(tmp_path, text, "a.conf") if hint in message]


@pytest.mark.parametrize(("level", "meant"), [("warning", "warn"), ("fatal", "critical"), ("debg", "debug")])
def test_a_log_level_of_others_is_told_the_one_here(tmp_path, level, meant):
    """Python's and syslog's levels are recognised."""
    [(*_, message)] = complaints(tmp_path, f"[procman]\nloglevel = '{level}'\n")
    assert message.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("DURATON", "%(ENV_DURATION)s"), ("duration", "%(ENV_DURATION)s"), ("PATHS", "%(ENV_PATH)s")],
)
def test_a_variable_with_a_slip_in_it_is_told_what_was_meant(tmp_path, name, meant):
    """The proposal is written as the file needs it."""
    text = f"[program.web]\ncommand = 'x %(ENV_{name})s'\n"
    [(*_, message)] = complaints(tmp_path, text, DURATION="1", PATH="/bin")
    assert message.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize("name", ["DURATION", "PUSER", "ARKIME_DIR", "WORKERS"])
def test_nothing_is_guessed_where_nothing_is_like_it(tmp_path, name):
    """A wrong guess is worse than none; the message still has a way out."""
    text = f"[program.web]\ncommand = 'x %(ENV_{name})s'\n"
    [(*_, message)] = complaints(tmp_path, text, PATH="/bin", TERM="x", SSL_CERT_DIR="/x", PIP_CERT="x")
    assert "did you mean" not in message
    assert message.endswith(f"set it, or write a value instead of %(ENV_{name})s")
    for stranger in ("zzz", "cpu_model", "jitter", "sl"):
        [(*_, message)] = complaints(tmp_path, f"{WEB}{stranger} = 'x'\n")
        assert message == "there is no such option: take it out"


def test_with_a_terminal_it_is_pty_for_which_stderr_has_no_log(tmp_path):
    """The file does not say redirect_stderr."""
    messages = [
        message
        for *_, message in complaints(tmp_path, f"{WEB}pty = true\nstderr_logfile = 'err'\n")
        if "ignored" in message
    ]
    assert messages == ["ignored, because pty is true: take one of them out"]

"""The same options in INI and in TOML give the same configuration."""

import textwrap
from dataclasses import replace

import pytest

from procman.config.load import load
from procman.config.schema.sections import SECTIONS

INI = """\
[supervisord]
logfile = %(here)s/main.log
logfile_maxbytes = 1MB
umask = 027
nodaemon = true
environment = LANG="C.UTF-8",N="1"

[unix_http_server]
file = %(here)s/s.sock
chmod = 0770

[inet_http_server]
port = 127.0.0.1:9001
username = me
password = secret

[inet_http_server:two]
port = 9002
username = me
password = secret
readonly_username = guest
readonly_password = guess

[inet_http_server:three]
port = *:9003
allow_unauthenticated = true

[supervisorctl]
serverurl = unix://%(here)s/s.sock
prompt = mine

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[program:web]
command = serve 'two words' --port 80%(process_num)02d
process_name = %(program_name)s_%(process_num)02d
numprocs = 2
directory = %(here)s
autorestart = unexpected
exitcodes = 0,2
stopsignal = QUIT
startsecs = 2
stopwaitsecs = 120
stopasgroup = true
stdout_logfile = /dev/stdout
stdout_logfile_maxbytes = 0
redirect_stderr = true
environment = A="x, y",B="%(ENV_N)s"

[program:api]
command = api
autorestart = true
umask = 022

[group:site]
programs = api
priority = 5

[eventlistener:mail]
command = mail
events = TICK_60,PROCESS_STATE
buffer_size = 20

[fcgi-program:php]
command = php
socket = unix:///tmp/php.sock
socket_mode = 0700
"""

TOML = """\
[procman]
logfile = "%(here)s/main.log"
logfile_maxbytes = "1MB"
umask = "027"
nodaemon = true
environment = { LANG = "C.UTF-8", N = 1 }

[unix_http_server]
file = "%(here)s/s.sock"
chmod = "0770"

[inet_http_server]
port = "127.0.0.1:9001"
username = "me"
password = "secret"

[inet_http_server.two]
port = 9002
username = "me"
password = "secret"
readonly_username = "guest"
readonly_password = "guess"

[inet_http_server.three]
port = "*:9003"
allow_unauthenticated = true

[procmanctl]
serverurl = "unix://%(here)s/s.sock"
prompt = "mine"

[rpcinterface.supervisor]
"supervisor.rpcinterface_factory" = "supervisor.rpcinterface:make_main_rpcinterface"

[program.web]
command = ["serve", "two words", "--port", "80%(process_num)02d"]
process_name = "%(program_name)s_%(process_num)02d"
numprocs = 2
directory = "%(here)s"
autorestart = "unexpected"
exitcodes = [0, 2]
stopsignal = "QUIT"
startsecs = "2s"
stopwaitsecs = "2m"
stopasgroup = true
stdout_logfile = "/dev/stdout"
stdout_logfile_maxbytes = 0
redirect_stderr = true
environment = { A = "x, y", B = "%(ENV_N)s" }

[program.api]
command = "api"
autorestart = true
umask = "022"

[group.site]
programs = ["api"]
priority = 5

[eventlistener.mail]
command = "mail"
events = ["TICK_60", "PROCESS_STATE"]
buffer_size = 20

[fcgi-program.php]
command = "php"
socket = "unix:///tmp/php.sock"
socket_mode = "0700"
"""


def both(tmp_path, ini, toml):
    (tmp_path / "f.conf").write_text(textwrap.dedent(ini))
    (tmp_path / "f.toml").write_text(textwrap.dedent(toml))
    one, two = load(str(tmp_path / "f.conf"), environ={}), load(str(tmp_path / "f.toml"), environ={})
    # Where the master's own files are when nothing is said is the one thing that the form decides.
    said = two.origins["supervisord"]
    unsaid = {name: getattr(one.master, name) for name in ("logfile", "pidfile") if name not in said}
    return one, replace(two, master=replace(two.master, **unsaid))


def test_the_same_list_in_both_forms_is_the_same_configuration(tmp_path):
    """Lists, tables, units and expansions give the same values."""
    ini, toml = both(tmp_path, INI, TOML)
    assert ini == toml
    assert ini.warnings == toml.warnings == ()
    assert ini.files != toml.files


def test_an_empty_toml_file_is_an_empty_list(tmp_path):
    """[procman] is optional."""
    ini, toml = both(tmp_path, "[supervisord]\n", "")
    assert ini == toml


TEXTS = {
    "access": "roles",
    "command": "x",
    "events": "EVENT",
    "socket": "unix:///tmp/s",
    "port": "9001",
    "file": "/tmp/f",
    "directory": "/tmp",
    "logfile": "/tmp/l",
    "pidfile": "/tmp/p",
    "user": "root",
    "chown": "root",
    "socket_owner": "root",
    "socket_mode": "0770",
    "socket_backlog": "5",
    "history_file": "/tmp/h",
    "username": "u",
    "password": "p",
    "serverurl": "http://h",
    "environment": "A=1",
    "umask": "022",
    "programs": "",
    "pre_start": "true",
    "before_kill": "true",
    "reload": "signal:HUP",
    "health": "none",
    "watch": "src/, *.py",
}
TYPES = (
    "supervisord",
    "program",
    "eventlistener",
    "fcgi-program",
    "unix_http_server",
    "inet_http_server",
    "supervisorctl",
)


@pytest.mark.parametrize("name", TYPES)
def test_every_option_is_read_from_both_forms(name, tmp_path):
    """Text means the same in both forms, so neither reader lacks an option."""
    known = SECTIONS[name]
    texts = {
        option: TEXTS.get(option) or about.kind.show(about.default)
        for option, about in known.options.items()
        if not about.inert and (option in TEXTS or about.default is not None)
    }
    texts.pop("redirect_stderr", None)
    suffix = ("x",) if known.named else ()
    ini = [f"[{':'.join((known.ini, *suffix))}]", *(f"{option} = {text}" for option, text in texts.items())]
    toml = [f"[{'.'.join((known.toml, *suffix))}]", *(f"{option} = '{text}'" for option, text in texts.items())]
    one, two = both(tmp_path, "\n".join(["[supervisord]", *ini]), "\n".join(toml))
    assert one == two
    assert one.warnings == ()

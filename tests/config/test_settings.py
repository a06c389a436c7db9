"""The effective value and the origin of every option of a section."""

import dataclasses
import json
import os

import pytest

from procman.config.load import load
from procman.config.schema.master import Master
from procman.config.schema.options import options_of
from procman.config.schema.programs import Program
from procman.config.schema.servers import InetServer
from procman.config.settings import of_group, of_master, of_process

FILE = """\
[supervisord]
environment = LANG="C",API_TOKEN="abc"
loglevel = warn
[inet_http_server]
port = [::1]:9001
username = me
password = hunter2
[program:web]
command = app --url=amqp://me:hunter2@mq/
exitcodes = 0,2
stopsignal = HUP
environment = PORT="80",LANG="de"
autorestart = unexpected
[include]
files = more.conf
"""
MORE = """\
[program:web]
umask = 027
[group:g]
programs = web
priority = 5
[eventlistener:l]
command = listen
events = TICK_5
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "main.conf").write_text(FILE)
    (tmp_path / "more.conf").write_text(MORE)
    return load(str(tmp_path / "main.conf"), overrides={"identifier": "me"})


def by_option(section):
    return {setting.get("variable", setting["option"]): setting for setting in section["settings"]}


def place(setting):
    """The origin of a setting in short."""
    file = os.path.basename(setting["file"]) if setting["file"] else None
    return setting["source"], file, setting["line"]


def program(config, name):
    return next(program for group in config.groups for program in group.programs if program.namespec == name)


def test_every_option_is_told_with_its_origin(config):
    """The origin is the file and line that counts, the command line, or the default."""
    master, server = of_master(config)
    assert (master["section"], server["section"]) == ("supervisord", "inet_http_server")
    told = by_option(master)
    known = {name for name, option in options_of(Master).items() if not option.inert} - {"environment"}
    assert told.keys() == known | {"LANG", "API_TOKEN"}
    assert place(told["loglevel"]) == ("file", "main.conf", 3)
    assert place(told["identifier"]) == ("command line", None, None)
    assert place(told["minfds"]) == ("default", None, None)
    assert by_option(server).keys() == options_of(InetServer).keys()


def test_an_included_file_is_named_where_it_has_the_last_word(config):
    """In a section that two files have, each option has its own file."""
    told = by_option(of_process(config, program(config, "g:web")))
    assert place(told["umask"]) == ("file", "more.conf", 2)
    assert place(told["command"]) == ("file", "main.conf", 9)
    assert told.keys() == options_of(Program).keys() - {"environment", "debug_restart"} | {"LANG", "API_TOKEN", "PORT"}


def test_a_variable_is_where_its_value_is_from(config):
    """Variables of the master are in every program that does not override them."""
    told = by_option(of_process(config, program(config, "g:web")))
    assert place(told["API_TOKEN"]) == ("file", "main.conf", 2)
    assert place(told["LANG"]) == ("file", "main.conf", 12)
    assert (told["LANG"]["value"], place(told["PORT"])) == ("de", ("file", "main.conf", 12))


def test_values_are_those_of_json_and_as_a_file_has_them(config):
    """Numbers stay numbers; modes, signals and choices are text."""
    told = by_option(of_process(config, program(config, "g:web")))
    shown = {name: (told[name]["value"], told[name]["shown"]) for name in told}
    assert shown["umask"] == ("0027", "0027")
    assert shown["stopsignal"] == ("HUP", "HUP")
    assert shown["exitcodes"] == ([0, 2], "0,2")
    assert shown["autorestart"] == ("unexpected", "unexpected")
    assert shown["autostart"] == (True, "true")
    assert shown["stdout_logfile_maxbytes"] == (50 * 1024 * 1024, "50MB")
    assert shown["directory"] == (None, "")
    assert by_option(of_master(config)[1])["port"]["shown"] == "[::1]:9001"


SPECIAL = """\
[supervisord]
[program:web]
command = app
ready = tcp:5432,file:/run/ready
health = http://localhost:80/
exitcodes = 0,SIGTERM
norestart_exitcodes = 78
pre_start = -echo a
reload = signal:HUP
depends_on = other@done?
watch = ./app
rlimit_core = 0
cpu_affinity = 0
backoff = 1s..60s
restart_limit = 3/10m
[program:other]
command = app
schedule = 0 2 * * *
schedule_tz = UTC
"""


def test_every_value_can_be_told_as_json(tmp_path):
    """Conditions, hooks and the like stand as a file would have them."""
    (tmp_path / "main.conf").write_text(SPECIAL)
    config = load(str(tmp_path / "main.conf"))
    sections = [of_process(config, program(config, name)) for name in ("web", "other")]
    assert json.loads(json.dumps(sections)) == sections
    assert by_option(sections[0])["ready"]["value"] == ["tcp:5432", "file:/run/ready"]
    assert by_option(sections[0])["pre_start"]["value"] == ["-echo a"]
    assert by_option(sections[0])["reload"]["value"] == "signal:HUP"


def test_no_secret_is_in_it(config):
    """Secrets of servers, variables and commands are masked."""
    sections = [*of_master(config), of_process(config, program(config, "g:web"))]
    assert "hunter2" not in str(sections)
    assert "abc" not in str(sections)
    assert "amqp://me:********@mq/" in str(sections)


def test_what_a_group_shares_is_told_once(config):
    """Groups with a section and listeners have shared options; a program of its own has none."""
    groups = {group.name: group for group in config.groups}
    told = by_option(of_group(config, groups["g"]))
    assert (told["priority"]["value"], place(told["priority"])) == (5, ("file", "more.conf", 5))
    told = by_option(of_group(config, groups["l"]))
    assert told["events"]["value"] == ["TICK_5"]
    assert place(told["priority"]) == ("default", None, None)
    alone = dataclasses.replace(groups["g"], kind="program")
    assert of_group(config, alone) is None


def test_a_value_that_differs_from_the_file_is_marked(config):
    """After a change of the file and before an update, no line has the effective value."""
    running = dataclasses.replace(program(config, "g:web"), startsecs=7)
    told = by_option(of_process(config, running))
    assert place(told["startsecs"]) == ("earlier", None, None)
    assert place(told["umask"]) == ("file", "more.conf", 2)
    removed = by_option(of_process(config, dataclasses.replace(running, name="gone")))
    assert {place(setting)[0] for setting in removed.values()} == {"earlier"}

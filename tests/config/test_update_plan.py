"""What an update would do, as plain data."""

import json
from dataclasses import replace

import pytest

from procman.config.diff import diff, diff_access, diff_notify
from procman.config.load import load
from procman.config.update_plan import left_for_reload, planned_changes, section_changes, to_json


@pytest.fixture
def plan(tmp_path):
    """Plans from one text to another; all processes are up, unless `down` names them."""

    def made(before, after, *, down=(), groups=None):
        old, new = (read(tmp_path, text) for text in (before, after))
        return planned_changes(
            old,
            new,
            diff(old, new),
            groups=groups,
            is_up=lambda name: name not in down,
            starts_replaced=lambda name: name not in down,
        )

    return made


def read(folder, text):
    path = folder / "a.conf"
    path.write_text(text if "[supervisord]" in text else f"{text}[supervisord]\n")
    return load(str(path), environ={})


def short(change):
    return change.name or change.group, change.action, change.running, change.starts


WEB = "[program:web]\ncommand=./web\n"


def test_what_is_removed_comes_first_and_what_is_new_last(plan):
    """A process that is not there does not run; one without autostart is not started."""
    planned = plan(
        WEB + "[program:old]\ncommand=o\n",
        WEB + "stopwaitsecs=3\n[program:new]\ncommand=n\n[program:idle]\ncommand=i\nautostart=false\n",
    )
    assert [short(change) for change in planned] == [
        ("old", "removed", True, False),
        ("web", "changed in place", True, False),
        ("idle", "added", False, False),
        ("new", "added", False, True),
    ]


def test_an_option_of_a_program_and_of_its_group_is_one(plan):
    """A group that has a program's name has its priority."""
    [change] = plan(WEB + "priority=5\n", WEB + "priority=6\n")
    assert [(option.option, option.old, option.new) for option in change.options] == [("priority", "5", "6")]


def test_an_option_has_both_values_its_cost_and_its_place(plan, tmp_path):
    """Of several options, each has its own cost; a value that is a default again says so."""
    [change] = plan(WEB + "stopwaitsecs=3\n", "[program:web]\ncommand=./web --new\n")
    assert short(change) == ("web", "restarted", True, True)
    told = {one.option: (one.old, one.new, one.effect, one.source, one.line) for one in change.options}
    assert told == {
        "command": ("./web", "./web --new", "restart", "file", 2),
        "stopwaitsecs": ("3", "10", "none", "default", None),
    }
    assert {one.file for one in change.options} == {str(tmp_path / "a.conf"), None}


def test_variables_are_told_one_by_one_and_no_secret_is(plan):
    """A variable that is gone has no new value; of a password it is only known that it is another one."""
    [change] = plan(WEB + "environment=A=1,B=2,DB_PASSWORD=x\n", WEB + "environment=A=9,C=3,DB_PASSWORD=y\n")
    assert {(one.variable, one.old, one.new) for one in change.options} == {
        ("A", "1", "9"),
        ("B", "2", None),
        ("C", None, "3"),
        ("DB_PASSWORD", "********", "********"),
    }
    assert '"y"' not in json.dumps(to_json(change))


def test_how_long_it_is_down_is_that_of_the_definition_that_stops_and_the_one_that_starts(plan):
    """Hooks of the stop count, and with `ready` the start may take its start_timeout."""
    [change] = plan(
        WEB + "stopwaitsecs=4\npre_stop=./drain\nhook_timeout=6\n",
        "[program:web]\ncommand=./new\nstopwaitsecs=99\nstartsecs=3\n",
    )
    assert (change.stop, change.start, change.down) == (10, 3, 13)
    [change] = plan(WEB, "[program:web]\ncommand=./new\nready=tcp:80\nstart_timeout=20s\n")
    assert (change.stop, change.start, change.down) == (10, 20, 30)
    [change] = plan(WEB, "[program:web]\ncommand=./new\nready=tcp:80\nstart_timeout=none\n")
    assert (change.start, change.down) == (None, None)


def test_what_is_down_is_not_stopped(plan):
    """Its definition is replaced all the same."""
    [change] = plan(WEB, "[program:web]\ncommand=./new\n", down={"web"})
    assert (short(change), change.stop, change.down) == (("web", "restarted", False, False), 0, None)


API = "[program:api]\ncommand=./api\ndepends_on=web\n"


@pytest.mark.parametrize(
    ("more", "effect", "on_removal"),
    [
        ("", "goes on", "goes on"),
        ("on_dependency_restart=restart\n", "restarted", "goes on"),
        ("on_dependency_restart=signal:HUP\n", "signalled", "goes on"),
        ("on_dependency_stop=stop\n", "stopped and started", "stopped"),
    ],
)
def test_a_dependent_is_told_with_what_becomes_of_it(plan, more, effect, on_removal):
    """What does not run, or is changed itself, is no dependent."""
    before = WEB + API + more
    [change] = plan(before, before.replace("./web", "./new"))
    assert [(one.name, one.effect) for one in change.dependents] == [("api", effect)]
    [change] = plan(before, before.replace("./web", "./new"), down={"api"})
    assert change.dependents == ()
    both = plan(before, before.replace("./web", "./new").replace("./api", "./other"))
    assert [change.dependents for change in both] == [(), ()]


def test_dependents_of_dependents_are_told_where_those_restart(plan):
    """One that goes on takes nothing along."""
    chain = WEB + API + "on_dependency_restart=restart\n[program:ui]\ncommand=./ui\ndepends_on=api\n"
    [change] = plan(chain, chain.replace("./web", "./new"))
    assert [(one.name, one.effect) for one in change.dependents] == [("api", "restarted"), ("ui", "goes on")]
    calm = chain.replace("on_dependency_restart=restart\n", "")
    [change] = plan(calm, calm.replace("./web", "./new"))
    assert [one.name for one in change.dependents] == ["api"]


def test_a_plan_for_some_groups_has_only_these(plan):
    """The names are those of groups."""
    two = WEB + "[program:db]\ncommand=./db\n"
    assert [change.name for change in plan(two, two.replace("./", "./new-"), groups={"db"})] == ["db"]


def test_what_a_group_shares_is_told_of_each_of_its_processes(plan):
    """A listener's events cannot be changed while it runs."""
    before = "[eventlistener:ear]\ncommand=./ear\nevents=TICK_5\n"
    [change] = plan(before, before.replace("TICK_5", "TICK_60"))
    assert short(change) == ("ear", "restarted", True, True)
    assert [(one.option, one.old, one.new) for one in change.options] == [("events", "TICK_5", "TICK_60")]
    before = "[fcgi-program:app]\ncommand=./app\nsocket=tcp://localhost:9001\n"
    [change] = plan(before, before.replace("9001", "9002"))
    assert [(one.option, one.old, one.new, one.line) for one in change.options] == [
        ("socket", "tcp://localhost:9001", "tcp://localhost:9002", 3)
    ]
    before = "[group:g]\nprograms=web\npriority=5\n" + WEB
    [change] = plan(before, before.replace("priority=5", "priority=6"))
    assert (change.name, change.action, change.options[0].option) == ("g:web", "changed in place", "priority")


def test_sections_that_are_no_programs_are_changed_in_place(tmp_path):
    """Their tokens and web hooks are masked."""
    text = "[notify:ops]\non=fatal\nwebhook=https://x.org/hook/{}\n[access:ci]\nusers=root\nallow={}\n"
    old, new = read(tmp_path, text.format("a", "read")), read(tmp_path, text.format("b", "operate"))
    [notify] = section_changes("notify", new, old.notify, new.notify, diff_notify(old.notify, new.notify))
    assert (notify.group, notify.action, [one.option for one in notify.options]) == (
        "notify:ops",
        "changed in place",
        ["webhook"],
    )
    assert "hook/" not in json.dumps(to_json(notify))
    [access] = section_changes("access", new, old.access, new.access, diff_access(old.access, new.access))
    assert [(one.option, one.old, one.new) for one in access.options] == [("allow", "read", "operate")]
    [gone] = section_changes("access", new, old.access, (), diff_access(old.access, ()))
    assert (gone.group, gone.action) == ("access:ci", "removed")


def test_options_of_the_master_are_left_for_a_reload(tmp_path):
    """Those that an update takes along with the programs are not among them."""
    old = read(tmp_path, "[supervisord]\nloglevel=info\nenvironment=A=1\n")
    new = read(tmp_path, "[supervisord]\nloglevel=debug\nenvironment=A=2\n[unix_http_server]\nfile=/run/s\n")
    assert [(one.option, one.old, one.new, one.line) for one in left_for_reload(old, new)] == [
        ("loglevel", "info", "debug", 2),
        ("servers", None, "unix_http_server", None),
    ]
    assert left_for_reload(new, replace(new, groups=())) == ()


def test_another_address_of_a_socket_is_shown_with_its_place(plan, tmp_path):
    """The section of the socket has another value, and the program's own line has the same."""
    section = "[socket:http]\nlisten=tcp://127.0.0.1:{port}\nbacklog={backlog}\n"
    web = WEB + "sockets=http\n"
    [change] = plan(
        web + section.format(port=8080, backlog=64),
        web + section.format(port=8090, backlog=99),
    )
    assert change.action == "restarted"
    assert [
        (one.option, one.old, one.new, one.effect, one.file, one.line)
        for one in sorted(change.options, key=lambda one: one.line)
    ] == [
        (
            "[socket:http] listen",
            "tcp://127.0.0.1:8080",
            "tcp://127.0.0.1:8090",
            "restart",
            str(tmp_path / "a.conf"),
            5,
        ),
        ("[socket:http] backlog", "64", "99", "none", str(tmp_path / "a.conf"), 6),
    ]


def test_other_sockets_are_shown_by_their_names(plan):
    """A program that uses one socket more says so itself."""
    sections = "[socket:a]\nlisten=tcp://127.0.0.1:1\n[socket:b]\nlisten=tcp://127.0.0.1:2\n"
    [change] = plan(WEB + "sockets=a\n" + sections, WEB + "sockets=a,b\n" + sections)
    assert [(one.option, one.old, one.new, one.effect) for one in change.options] == [
        ("sockets", "a", "a,b", "restart")
    ]

"""The compose export: the file fits compose's schema, and means what the configuration means."""

import pytest

from procman.convert import compose
from procman.convert.result import CannotExport
from tests.support.export_checks import configured, only, services, target

WEB = "[program:web]\ncommand=/bin/web\n"


def exported(folder, text, *, split=False, name="shop", **assumed):
    return compose.export(configured(folder, text, **assumed), target(name, split=split))


def split(folder, text, **assumed):
    return services(only(exported(folder, text, split=True, **assumed).files))


def test_procman_in_one_service(tmp_path):
    """One service runs procman, with its stop signal, its stop plan's time and a health check."""
    found = exported(tmp_path, WEB + "stopwaitsecs=20\n")
    assert list(found.files) == ["compose.yaml"]
    assert services(only(found.files)) == {
        "shop": {
            "image": "registry.example/shop:1.2",
            "command": ["procman", "-c", "/etc/procman/supervisord.conf"],
            "stop_signal": "SIGTERM",
            "stop_grace_period": "26s",
            "restart": "unless-stopped",
            "environment": {"PROCMAN_STOP_BUDGET": "26s"},
            "healthcheck": {
                "test": ["CMD", "procmanctl", "-c", "/etc/procman/supervisord.conf", "health"],
                "interval": "30s",
                "timeout": "5s",
                "retries": 3,
            },
        }
    }


def test_a_service_for_each_program(tmp_path):
    """Every option that compose has is exported."""
    text = (
        '[program:web]\ncommand=/bin/web "a b"\ndirectory=/srv\nuser=www\nenvironment=LANG="C",N="1"\nstopsignal=QUIT\n'
        "stopwaitsecs=20\nautorestart=true\n"
    )
    assert split(tmp_path, text, users={"www": 33}) == {
        "web": {
            "image": "registry.example/shop:1.2",
            "command": ["/bin/web", "a b"],
            "init": True,
            "stop_signal": "SIGQUIT",
            "stop_grace_period": "25s",
            "restart": "always",
            "working_dir": "/srv",
            "user": "www",
            "environment": {"LANG": "C", "N": "1"},
        }
    }


@pytest.mark.parametrize(("value", "policy"), [("true", "always"), ("unexpected", "on-failure"), ("false", "no")])
def test_autorestart_becomes_a_restart_policy(tmp_path, value, policy):
    """The policy is text, even if YAML would read it as a boolean."""
    assert split(tmp_path, WEB + f"autorestart={value}\n")["web"]["restart"] == policy


def test_dollars_are_doubled_because_compose_would_fill_them_in(tmp_path):
    """$ is escaped in every text."""
    found = split(tmp_path, '[program:web]\ncommand=/bin/web $X\nenvironment=A="${B}"\ndirectory=/$C\n')["web"]
    assert (found["command"], found["environment"], found["working_dir"]) == (
        ["/bin/web", "$$X"],
        {"A": "$${B}"},
        "/$$C",
    )


def test_what_does_not_start_by_itself_has_a_profile(tmp_path):
    """`docker compose up` does not start such a service, and no other one depends on it."""
    found = split(tmp_path, WEB + "priority=5\n[program:tool]\ncommand=/bin/tool\nautostart=false\npriority=1\n")
    assert found["tool"]["profiles"] == ["manual"]
    assert "depends_on" not in found["web"]


def test_priorities_become_dependencies(tmp_path):
    """Services of the next lower priority start first and stop last, as in procman's waves."""
    text = "".join(
        f"[program:{name}]\ncommand=/bin/{name}\npriority={priority}\n"
        for name, priority in [("db", 1), ("queue", 5), ("web", 9), ("web2", 9)]
    )
    found = split(tmp_path, text)
    assert {name: service.get("depends_on") for name, service in found.items()} == {
        "db": None,
        "queue": ["db"],
        "web": ["queue"],
        "web2": ["queue"],
    }


def test_processes_that_differ_in_nothing_are_replicas(tmp_path):
    """Processes that differ in more than their names are separate services."""
    many = "[program:worker]\ncommand=/bin/w{}\nnumprocs=3\nprocess_name=%(program_name)s_%(process_num)d\n"
    same = split(tmp_path, many.format("") + WEB + "priority=1000\n")
    assert same["worker"]["deploy"] == {"replicas": 3}
    assert same["web"]["depends_on"] == ["worker"]
    different = split(tmp_path, many.format(" %(process_num)d"))
    assert {name: service["command"] for name, service in different.items()} == {
        "worker_0": ["/bin/w", "0"],
        "worker_1": ["/bin/w", "1"],
        "worker_2": ["/bin/w", "2"],
    }


@pytest.mark.parametrize(
    ("own", "where"), [("", "/usr"), ("directory=/own\n", "/own"), ("directory=site\n", "/usr/site")]
)
def test_programs_begin_where_the_master_is(tmp_path, own, where):
    """The directory of a program is relative to the master's, and defaults to it."""
    text = f"{WEB}{own}[supervisord]\ndirectory=/usr\n"
    assert split(tmp_path, text)["web"]["working_dir"] == where


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (WEB + "exitcodes=0,2\n", "[program:web]: docker expects only exit code 0, whatever exitcodes says"),
        (WEB + "stopasgroup=true\n", "[program:web]: only the first process of a container gets the stop signal"),
        (WEB + "umask=027\n", "[program:web]: the program must set its umask itself"),
        (WEB + "[supervisord]\numask=077\n", "[program:web]: the program must set its umask itself"),
        (WEB + "environment=API_TOKEN=x\n", "[program:web] has what looks like secrets in plain text: API_TOKEN"),
        (WEB + "[eventlistener:l]\ncommand=/bin/l\nevents=TICK_5\n", "[eventlistener:l] is left out"),
        (WEB, "localhost"),
        (WEB, "startsecs and startretries"),
        (WEB, "log files"),
    ],
)
def test_options_that_cannot_be_exported_are_in_the_notes(tmp_path, text, note):
    """Such options are in the notes, and in a comment of the file."""
    found = exported(tmp_path, text, split=True)
    assert any(note in said for said in found.notes), found.notes
    comments = " ".join(line.strip("# ") for line in only(found.files).splitlines() if line.startswith("#"))
    assert note in comments


def test_nothing_left_to_run_is_an_error(tmp_path):
    """A compose file needs at least one service."""
    with pytest.raises(CannotExport, match="eventlistener:l"):
        exported(tmp_path, "[eventlistener:l]\ncommand=/bin/l\nevents=TICK_5\n", split=True)


@pytest.mark.parametrize(("name", "project"), [("Shop.1", "shop-1"), ("_x_", "x"), ("é", "procman")])
def test_a_project_has_a_name_that_compose_takes(tmp_path, name, project):
    """The name has only lower-case letters, digits and dashes."""
    text = only(exported(tmp_path, WEB, name=name).files)
    assert f"\nname: {project}\n" in text
    services(text)


def test_what_the_file_takes_from_the_environment_is_pointed_out(tmp_path):
    """Without these variables procman could not start; expanded ones keep the value of the export."""
    text = '[program.web]\ncommand = ["/bin/web", "%(ENV_PORT)s"]\nenvironment = { HOST = "%(host_node_name)s" }\n'
    config = configured(tmp_path, text, name="procman.toml", env={"PORT": "80"})
    note = "the configuration uses environment variables, so add them to environment: PORT"
    assert note in compose.export(config, target()).notes
    note = "[program:web]: %(ENV_PORT)s, %(host_node_name)s: replaced by the value during the export"
    assert note in compose.export(config, target(split=True)).notes


@pytest.mark.parametrize(
    ("lines", "policy"),
    [("", "no"), ("startretries=2\n", "on-failure:2"), ("startretries=forever\n", "on-failure")],
)
def test_a_oneshot_is_restarted_as_often_as_it_is_tried_again(tmp_path, lines, policy):
    """Never after a success; what docker has not is in the notes."""
    text = f"{WEB}type=oneshot\nrun_timeout=10m\n{lines}"
    assert split(tmp_path, text)["web"]["restart"] == policy
    notes = exported(tmp_path, text, split=True).notes
    assert "[program:web]: run_timeout, which docker has not: put `timeout` before the command" in notes


def test_a_terminal_is_a_terminal(tmp_path):
    """`tty` and `stdin_open` are what docker calls it; a program without pty has neither."""
    found = split(tmp_path, "[program:sh]\ncommand=/bin/sh\npty=true\n" + WEB)
    assert (found["sh"]["tty"], found["sh"]["stdin_open"]) == (True, True)
    assert "tty" not in found["web"]


def test_a_rolling_program_has_an_update_config(tmp_path):
    """For docker stack deploy, which stops one batch before it starts the next version of it."""
    lines = "numprocs=4\nprocess_name=web_%(process_num)d\nrestart_strategy=rolling\nrolling_batch=50%%\n"
    found = split(tmp_path, WEB + lines)
    assert found["web"]["deploy"] == {
        "replicas": 4,
        "update_config": {"parallelism": 2, "order": "stop-first", "failure_action": "pause"},
    }

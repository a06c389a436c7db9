"""The Kubernetes export: the Deployment fits the schema, and means what the configuration means."""

import json
from pathlib import Path

import pytest

from procman.convert import kubernetes
from procman.convert.result import CannotExport
from tests.support.export_checks import configured, deployment, only, target


def exported(folder, text, *, split=False, name="shop", **assumed):
    return kubernetes.export(configured(folder, text, **assumed), target(name, split=split))


def pod_of(found):
    return deployment(only(found.files))["spec"]["template"]["spec"]


def containers(found):
    return {container["name"]: container for container in pod_of(found)["containers"]}


WEB = "[program:web]\ncommand=/bin/web\n"
ROLLING = WEB + "numprocs=4\nprocess_name=w%(process_num)d\nrestart_strategy=rolling\nrolling_batch=50%%\n"


# ------------------------------------------------------------------------------------------------ one container


def test_procman_in_one_container_with_the_time_that_its_stop_plan_needs(tmp_path):
    """The grace period is the stop plan and five seconds; procman knows it, and can warn if it no longer fits."""
    found = exported(tmp_path, WEB + "stopwaitsecs=20\n[program:db]\ncommand=/bin/db\npriority=1\nstopwaitsecs=9\n")
    assert list(found.files) == ["shop.yaml"]
    pod = pod_of(found)
    assert pod["terminationGracePeriodSeconds"] == 20 + 9 + 1 + 5
    (container,) = pod["containers"]
    assert container["name"] == "shop"
    assert container["image"] == "registry.example/shop:1.2"
    assert container["command"] == ["procman", "-c", "/etc/procman/supervisord.conf"]
    assert container["env"] == [{"name": "PROCMAN_STOP_BUDGET", "value": "35s"}]
    assert "resources" not in container
    assert any("/etc/procman/supervisord.conf" in note for note in found.notes)


def test_there_are_never_two_at_a_time(tmp_path):
    """The old pod ends before the new one starts, as under procman."""
    document = deployment(only(exported(tmp_path, WEB).files))
    assert document["spec"]["strategy"] == {"type": "Recreate"}
    assert document["spec"]["replicas"] == 1


SOCKET = ["procmanctl", "-c", "/etc/procman/supervisord.conf", "health"]


@pytest.mark.parametrize(
    ("server", "port"),
    [
        ("", None),
        ("[inet_http_server]\nport=127.0.0.1:9001\nusername=u\npassword=p\n", None),
        ("[inet_http_server]\nport=localhost:9001\nusername=u\npassword=p\n", None),
        ("[inet_http_server]\nport=*:9001\n", None),  # procman does not open that one
        ("[inet_http_server]\nport=*:9001\nusername=u\npassword=p\n", 9001),
        ("[inet_http_server]\nport=10.0.0.1:9001\nusername=u\npassword=p\n", 9001),
    ],
)
def test_the_kubelet_asks_over_http_where_it_can_reach_procman_and_else_in_the_container(tmp_path, server, port):
    """Liveness means that the master answers, readiness that all wanted programs run."""
    (container,) = pod_of(exported(tmp_path, WEB + server))["containers"]
    live, ready = container["livenessProbe"], container["readinessProbe"]
    if port is None:
        assert "ports" not in container
        assert live["exec"]["command"] == [*SOCKET, "--live"]
        assert ready["exec"]["command"] == SOCKET
    else:
        assert container["ports"] == [{"name": "procman", "containerPort": port}]
        assert live["httpGet"] == {"path": "/livez", "port": "procman"}
        assert ready["httpGet"] == {"path": "/readyz", "port": "procman"}


def test_the_user_of_the_master_becomes_that_of_the_container(tmp_path):
    """The user is exported by its number, unless a program needs a master that runs as root."""
    master = "[supervisord]\nuser=app\n"
    (container,) = pod_of(exported(tmp_path, WEB + master, users={"app": 1234, "www": 33}))["containers"]
    assert container["securityContext"] == {"runAsUser": 1234}
    found = exported(tmp_path, WEB + "user=www\n" + master, users={"app": 1234, "www": 33})
    (container,) = pod_of(found)["containers"]
    assert "securityContext" not in container
    assert any("must be root: [program:web]" in note for note in found.notes)


# ------------------------------------------------------------------------------------------------ one for each program


def test_a_container_for_each_program(tmp_path):
    """Command, directory, variables and user are exported; the pod's grace period is the longest."""
    text = (
        '[program:web]\ncommand=/bin/web --port 80 "a b"\ndirectory=/srv\nenvironment=LANG="C"\nuser=www\n'
        "stopwaitsecs=20\n[program:cache]\ncommand=/bin/cache\n"
    )
    found = exported(tmp_path, text, split=True, users={"www": 33})
    assert pod_of(found)["terminationGracePeriodSeconds"] == 25
    assert containers(found) == {
        "web": {
            "name": "web",
            "image": "registry.example/shop:1.2",
            "command": ["/bin/web", "--port", "80", "a b"],
            "workingDir": "/srv",
            "env": [{"name": "LANG", "value": "C"}],
            "securityContext": {"runAsUser": 33},
        },
        "cache": {"name": "cache", "image": "registry.example/shop:1.2", "command": ["/bin/cache"]},
    }


def as_kubernetes_expands_it(text: str) -> str:
    """Kubernetes' expansion of a text that names no variable (third_party/forked/golang/expansion)."""
    out = ""
    at = 0
    while at < len(text):
        if text[at] == "$" and at + 1 < len(text):
            following = text[at + 1]
            assert following != "(" or ")" not in text[at:], "it means a variable"
            out += "$" if following == "$" else "$" + following
            at += 2
        else:
            out += text[at]
            at += 1
    return out


@pytest.mark.parametrize("text", ["$(X)", "$Y", "${Z}", "$$", "$$$(X)", "a$", "$", "$(", "$a$(b)$$c", "'$1' $"])
def test_dollars_arrive(tmp_path, text):
    """$(VAR) and $$ in a command and in env are escaped."""
    found = split_of(tmp_path, text)
    assert as_kubernetes_expands_it(found["command"][1]) == text
    assert as_kubernetes_expands_it(found["env"][0]["value"]) == text


def test_dollars_that_mean_nothing_are_not_doubled(tmp_path):
    """Podman would keep both dollars."""
    assert split_of(tmp_path, "$HOME ${X}")["command"] == ["/bin/web", "$HOME ${X}"]


def split_of(folder: Path, text: str) -> dict:
    program = f'[program.web]\ncommand = ["/bin/web", {json.dumps(text)}]\nenvironment = {{ A = {json.dumps(text)} }}\n'
    config = configured(folder, program, name="procman.toml")
    return containers(kubernetes.export(config, target(split=True)))["web"]


def test_names_become_labels(tmp_path):
    """Labels have lower-case letters and digits, at most 63 characters, and are unique."""
    long = "x" * 80
    text = "".join(f"[program:{name}]\ncommand=/bin/true\n" for name in ("My_App", "my.app", "Ünder", long, f"{long}y"))
    text += "[program:w]\ncommand=/bin/true\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\n"
    text += "[program:a]\ncommand=/bin/true\n[group:g]\nprograms=a\n"
    found = exported(tmp_path, text, split=True, name="_Shop_")
    assert list(found.files) == ["shop.yaml"]
    names = set(containers(found))
    assert {"my-app", "my-app-2", "nder", "w-00", "w-01", "g-a", "x" * 63, "x" * 61 + "-2"} == names


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            WEB + "priority=5\n[program:b]\ncommand=/bin/b\n",
            "priorities: the containers of a pod start and stop together",
        ),
        (
            WEB + "stopsignal=QUIT\n",
            "[program:web]: Kubernetes sends the stop signal of the image; build it with STOPSIGNAL SIGQUIT",
        ),
        (WEB + "stopasgroup=true\n", "[program:web]: only the first process of a container gets the stop signal"),
        (WEB + "umask=027\n", "[program:web]: the program must set its umask itself"),
        (WEB + "[supervisord]\numask=077\n", "[program:web]: the program must set its umask itself"),
        (WEB + "autorestart=false\n", "[program:web]: a Deployment restarts every program that ends"),
        (WEB + "type=oneshot\n", "[program:web]: a one-shot needs a Job, whose backoffLimit and"),
        (WEB + "[program:x]\ncommand=/bin/x\nautostart=false\n", "[program:x]: left out because of autostart=false"),
        (WEB + "numprocs=2\nprocess_name=w%(process_num)d\n", "[program:web]: numprocs makes containers"),
        (WEB + "environment=API_TOKEN=x\n", "plain text: API_TOKEN"),
        (WEB + "[eventlistener:l]\ncommand=/bin/l\nevents=TICK_5\n", "[eventlistener:l] is left out"),
        (
            WEB + "[fcgi-program:f]\ncommand=/bin/f\nsocket=tcp://a:1\n",
            "[fcgi-program:f] is left out: procman opens its socket tcp://a:1",
        ),
        (WEB, "startsecs and startretries"),
        (WEB, "log files"),
        (WEB, "PID 1 of its container"),
    ],
)
def test_options_that_cannot_be_exported_are_in_the_notes(tmp_path, text, note):
    """Such options are in the notes, and in a comment of the file."""
    found = exported(tmp_path, text, split=True)
    assert any(note in said for said in found.notes), found.notes
    comments = " ".join(line.strip("# ") for line in only(found.files).splitlines() if line.startswith("#"))
    assert note in comments


def test_ordinary_options_have_no_notes(tmp_path):
    """Only the notes that every export has remain."""
    found = exported(tmp_path, WEB + "autorestart=true\n", split=True)
    assert len(found.notes) == 4


def test_nothing_left_to_run_is_an_error_that_says_why(tmp_path):
    """A Deployment needs at least one container."""
    with pytest.raises(CannotExport, match=r"none of its programs could run there; .*autostart=false"):
        exported(tmp_path, WEB + "autostart=false\n", split=True)


def test_values_that_look_like_secrets_are_exported_and_pointed_out(tmp_path):
    """Names and passwords in URLs identify them; the notes contain no values."""
    text = WEB + 'environment=DATABASE_URL="postgres://me:word@db/x",DB_PASSWORD="pw1",LANG="C",MONKEY="no"\n'
    found = exported(tmp_path, text, split=True)
    assert {"name": "DB_PASSWORD", "value": "pw1"} in containers(found)["web"]["env"]
    assert any(note.endswith("in plain text: DATABASE_URL, DB_PASSWORD") for note in found.notes)
    assert "# in plain text; better in a Secret: DATABASE_URL, DB_PASSWORD" in only(found.files)
    assert "word" not in "".join(found.notes)


def test_what_the_file_takes_from_the_environment_is_pointed_out(tmp_path):
    """Without these variables procman could not start; expanded ones keep the value of the export."""
    text = '[program.web]\ncommand = ["/bin/web", "%(ENV_PORT)s"]\nenvironment = { HOST = "%(host_node_name)s" }\n'
    config = configured(tmp_path, text, name="procman.toml", env={"PORT": "80"})
    note = "the configuration uses environment variables, so add them to env: PORT"
    assert note in kubernetes.export(config, target()).notes
    note = "[program:web]: %(ENV_PORT)s, %(host_node_name)s: replaced by the value during the export"
    assert note in kubernetes.export(config, target(split=True)).notes


def test_a_terminal_is_a_terminal(tmp_path):
    """`tty` and `stdin`; a program without pty has neither."""
    text = "[program:sh]\ncommand=/bin/sh\npty=true\n[program:web]\ncommand=/bin/web\n"
    found = containers(exported(tmp_path, text, split=True))
    assert (found["sh"]["tty"], found["sh"]["stdin"]) == (True, True)
    assert "tty" not in found["web"]


def test_a_schedule_is_a_cron_job(tmp_path):
    """In a file of its own; the Deployment has the other programs."""
    import yaml

    from tests.convert.test_systemd import schedules

    lines = ("schedule=30 2 * * mon-fri", "schedule_tz=Europe/Berlin", "run_timeout=1h", "startretries=2")
    files, notes = schedules(tmp_path, "kubernetes", *lines)
    (container,) = yaml.safe_load(files["app.yaml"])["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "web"
    job = yaml.safe_load(files["app-backup.yaml"])
    assert (job["kind"], job["metadata"]["name"]) == ("CronJob", "app-backup")
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == (
        "30 2 * * mon-fri",
        "Europe/Berlin",
        "Forbid",
    )
    assert spec["startingDeadlineSeconds"] == 600
    template = spec["jobTemplate"]["spec"]
    assert (template["backoffLimit"], template["activeDeadlineSeconds"]) == (2, 3600)
    assert template["template"]["spec"]["restartPolicy"] == "Never"
    assert "a one-shot needs a Job" not in notes


def test_what_a_cron_job_cannot_say_is_noted(tmp_path):
    """Days that count from the end of the month, other periods, and a queue."""
    import yaml

    from tests.convert.test_systemd import schedules

    files, notes = schedules(tmp_path, "kubernetes", "schedule=0 2 L * *")
    assert list(files) == ["app.yaml"]
    assert "[program:backup] is left out: schedule = 0 2 L * *, which a CronJob cannot say" in notes
    files, notes = schedules(tmp_path, "kubernetes", "schedule=every 6h", "schedule_overlap=queue", "autostart=false")
    spec = yaml.safe_load(files["app-backup.yaml"])["spec"]
    assert (spec["schedule"], spec["suspend"]) == ("0 */6 * * *", True)
    assert "schedule_overlap=queue: a CronJob leaves a run out while one is under way" in notes
    assert "a CronJob goes by the clock" in notes
    assert "which a CronJob cannot say" in schedules(tmp_path, "kubernetes", "schedule=every 7m")[1]


def test_what_a_pod_has_not_is_noted_of_a_cron_job_too(tmp_path):
    """A backup without its password would fail at night."""
    from tests.convert.test_systemd import schedules

    lines = (
        "schedule=@daily",
        "env_file=a.env",
        "env_from=PW=/run/pw",
        "run_on_start=true",
        "nice=5",
        "depends_on=web",
    )
    _, notes = schedules(tmp_path, "kubernetes", *lines)
    for option in ("env_file", "env_from", "run_on_start", "nice", "depends_on"):
        assert f"[program:backup]: {option}" in notes
    _, notes = schedules(tmp_path, "kubernetes", "schedule=0 2 L * *", "env_file=a.env")
    assert "env_file" not in notes


def test_compose_has_no_schedules(tmp_path):
    """The service is not started with the others, and the file says how it is run."""
    from tests.convert.test_systemd import schedules

    files, notes = schedules(tmp_path, "compose", "schedule=@daily")
    (text,) = files.values()
    assert "schedule = @daily: docker has no schedules; from a crontab: `docker compose run --rm backup`" in text
    assert 'profiles: ["schedule"]' in text
    assert "[program:backup]: schedule, which docker has not" in notes


def test_a_rolling_program_alone_has_a_pod_for_each_process(tmp_path):
    """An update of the Deployment replaces as many at a time as procman would, and they can share a port."""
    socket = "[socket:http]\nlisten=tcp://*:8080\n"
    found = exported(tmp_path, ROLLING + "sockets=http\n" + socket, split=True)
    spec = deployment(found.files["shop.yaml"])["spec"]
    assert spec["replicas"] == 4
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2, "maxSurge": 0}}
    (container,) = spec["template"]["spec"]["containers"]
    assert (container["name"], container["ports"]) == ("web", [{"containerPort": 8080}])
    assert not [note for note in found.notes if "numprocs" in note or "RollingUpdate" in note]


@pytest.mark.parametrize(
    "text",
    [ROLLING + "[program:b]\ncommand=/bin/b\n", ROLLING.replace("/bin/web", "/bin/web %(process_num)d")],
)
def test_rolling_processes_that_differ_or_are_not_alone_share_a_pod(tmp_path, text):
    """Then a note says what their own Deployment needs."""
    found = exported(tmp_path, text, split=True)
    spec = deployment(only(found.files))["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert {"web-w0", "web-w3"} <= containers(found).keys()
    assert any("needs strategy RollingUpdate with maxUnavailable 2 and maxSurge 0" in note for note in found.notes)

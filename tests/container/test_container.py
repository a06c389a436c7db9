"""A real image from the Dockerfile under podman, with procman as PID 1."""

import json
import re
import shutil

import pytest

from procman import __version__
from tests.support.containers import BASE, IMAGE, PROGRAMS, ROOT, RUNNING, Container, build, output
from tests.support.log_lines import line_with, stamp

pytestmark = pytest.mark.container


@pytest.fixture
def with_config(tmp_path):
    """The options that mount a configuration and the article's programs."""

    def mount(text: str) -> tuple[str, ...]:
        (tmp_path / "procman.toml").write_text(
            '[procman]\nlogfile = "/dev/stdout"\npidfile = "/tmp/procman.pid"\n' + text
        )
        return ("-v", f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro", "-v", f"{PROGRAMS}:/opt/programs:ro")

    return mount


def test_the_image_is_small_and_says_how_it_wants_to_be_run(image):
    """The image has CMD in exec form, SIGTERM as stop signal, labels, and adds less than 58 MB with its Python."""
    (ours,) = json.loads(output("podman", "image", "inspect", image))
    (base,) = json.loads(output("podman", "image", "inspect", BASE))
    assert ours["Config"]["Cmd"] == ["procman", "-c", "/etc/procman/procman.toml"]
    assert ours["Config"]["StopSignal"] == "SIGTERM"
    assert ours["Config"]["Labels"]["org.opencontainers.image.version"] == __version__
    # procman, its Python packages, and a Python and C library of their own, for COPY --from.
    assert ours["Size"] - base["Size"] < 58_000_000


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--user", "procman"),
        ("--user", "12345"),
        ("--user", "12345:54321", "--cap-drop=all", "--security-opt=no-new-privileges"),
        ("--read-only",),
        ("--user", "12345", "--read-only"),
        # As docker has it, where podman mounts /run, too.
        ("--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp"),
    ],
    ids=" ".join,
)
def test_procman_is_pid_1_and_stops_when_asked(image, options):
    """The plain image works for root and any other user: pid 1, console output, client, exit status 0."""
    with Container(image, *options) as container:
        container.expect("procman started with pid 1$")
        container.expect_all([RUNNING.format("hello"), "^tick 1$"])
        assert container.run("cat", "/proc/1/cmdline").split("\0")[-4:] == [
            "/usr/local/bin/procman",
            "-c",
            "/etc/procman/procman.toml",
            "",
        ]
        assert container.run("procmanctl", "status").split()[:2] == ["hello", "RUNNING"]
        assert container.stop() == 0
    assert "received SIGTERM indicating exit request" in container.text
    assert "ticker says goodbye" in container.lines
    line_with(container.lines, "stopped: hello (exit status 0)")
    assert "CRIT" not in container.text
    assert "Traceback" not in container.text


def test_a_container_without_any_writable_folder_runs_all_the_same(image):
    """Without any writable directory, the log says what is missing, programs run, and a stop works."""
    with Container(image, "--user", "12345", "--read-only", "--read-only-tmpfs=false") as container:
        container.expect_all(
            [RUNNING.format("hello"), "^tick 1$", "there is no control socket", "could not write pidfile"]
        )
        assert container.stop() == 0
    assert "ticker says goodbye" in container.lines
    assert "Traceback" not in container.text


def test_a_container_without_a_syslog_runs_all_the_same(image, with_config):
    """Without /dev/log, syslog output is counted as lost, the log says so, and the console has everything."""
    options = with_config(
        '[program.web]\ncommand = "sh -c \'echo hello; exec sleep 1000\'"\nstdout_logfile = "-, syslog"\n'
    )
    with Container(image, *options, "--user", "12345", "--read-only") as container:
        container.expect_all([RUNNING.format("web"), "^hello$", "cannot write to syslog at /dev/log: No such file"])
        assert container.run("procmanctl", "status").split()[:2] == ["web", "RUNNING"]
        assert container.stop() == 0
    assert "Traceback" not in container.text


def test_a_stop_takes_as_long_as_the_slowest_program(image, with_config):
    """Three programs that need two seconds each get their signal at once, and none is killed."""
    slow = (
        "import os, signal, time; signal.pthread_sigmask(0, [15]); "
        "print(os.environ['SUPERVISOR_PROCESS_NAME'], 'is armed', flush=True); signal.sigwait([15]); time.sleep(2)"
    )
    options = with_config(f'[program.slow]\ncommand = ["python3", "-c", "{slow}"]\nnumprocs = 3\n'
                          'process_name = "slow_%(process_num)d"\nstdout_logfile = "-"\n')  # fmt: skip
    with Container(image, *options) as container:
        up = (RUNNING, "^{} is armed$")
        container.expect_all([text.format(f"slow_{number}") for number in range(3) for text in up])
        assert container.stop() == 0
    asked = stamp(line_with(container.lines, "received SIGTERM"))
    for number in range(3):
        gone = stamp(line_with(container.lines, f"stopped: slow_{number} (exit status 0)"))
        # One after the other they would take six seconds.
        assert 1.9 < gone - asked < 5.9


def test_a_program_that_does_not_listen_is_killed_before_the_runtime_kills_everything(image, with_config):
    """dockerapp2 is killed after its stopwaitsecs while another program ends gracefully; exit status 0."""
    options = with_config(
        '[program.dockerapp1]\ncommand = "/opt/programs/dockerapp1.py"\nstdout_logfile = "/dev/stdout"\n'
        '[program.dockerapp2]\ncommand = "/opt/programs/dockerapp2.py"\nstdout_logfile = "/dev/stdout"\n'
        "stopwaitsecs = 3\n"
    )
    with Container(image, *options) as container:
        container.expect_all([RUNNING.format("dockerapp1"), RUNNING.format("dockerapp2")])
        assert container.stop() == 0
    asked = stamp(line_with(container.lines, "waiting for dockerapp1, dockerapp2 to die"))
    line_with(container.lines, "stopped: dockerapp1 (exit status 0)")
    killed = stamp(line_with(container.lines, "killing 'dockerapp2'"))
    assert killed - asked > 2  # the line is written a moment after the signal
    line_with(container.lines, "stopped: dockerapp2 (terminated by SIGKILL)")
    assert container.lines.count("handle signal: terminated") == 2


def test_orphans_are_reaped(image, with_config):
    """PID 1 reaps the grandchild of a program that forks twice; no zombie is left."""
    options = with_config(
        'loglevel = "debug"\n[program.daemon]\ncommand = ["sh", "-c", "(sleep 0.5 &); exec sleep 1000"]\n'
    )
    with Container(image, *options) as container:
        container.expect_all([r"reaped unknown pid \d+ \(exit status 0\)", RUNNING.format("daemon")])
        states = container.run("sh", "-c", "cat /proc/[0-9]*/stat")
        assert " Z " not in states, states
        assert container.stop() == 0


def test_a_flood_that_nobody_sees_leaves_the_container_its_memory(image, with_config):
    """A flood into AUTO logs on a tmpfs, three times the memory, is kept within the limit that the log states."""
    options = with_config(
        "[program.flood]\ncommand = "
        "\"sh -c 'yes it goes wrong again | head -c 200000000 >&2; echo the flood is over; exec sleep 1000'\"\n"
        'stdout_logfile = "-"\nstderr_logfile = "AUTO"\n'
    )
    with Container(image, *options, "--read-only", "--memory=64m") as container:
        container.expect_all(
            [
                r"/tmp is in memory, so all AUTO logs in it \(1\) are kept within 16 MiB together: .* at 8192 KiB",
                RUNNING.format("flood"),
                "^the flood is over$",
            ]
        )
        (kibibytes, _), *_ = (line.split() for line in container.run("du", "-sk", "/tmp").splitlines())
        assert 8192 <= int(kibibytes) <= 17000
        assert container.run("procmanctl", "tail", "-20", "flood", "stderr") == "it goes wrong again\n\n"
        assert container.stop() == 0


def test_a_supervisord_conf_takes_the_place_of_the_sample(image, tmp_path):
    """A supervisord.conf replaces the sample as in the how-to; the health check and clients find it."""
    page = (ROOT / "docs" / "how-to" / "graceful-stop-in-docker.md").read_text()
    dockerfile = next(b for b in re.findall(r"```dockerfile\n(.*?)```", page, re.DOTALL) if "supervisord.conf" in b)
    (tmp_path / "Dockerfile").write_text(dockerfile.replace("FROM procman", f"FROM {IMAGE}"))
    (tmp_path / "supervisord.conf").write_text(
        "[supervisord]\nnodaemon=false\nlogfile=/dev/stdout\nlogfile_maxbytes=0\n[program:web]\ncommand=sleep 1000\n"
    )
    tag = build(f"{IMAGE}-supervisord-conf", tmp_path)
    (ours,) = json.loads(output("podman", "image", "inspect", tag))
    kind, *check = ours["Healthcheck"]["Test"]
    assert kind == "CMD"
    with Container(tag) as container:
        container.expect(RUNNING.format("web"))
        assert container.run(*check) == "ok\n"
        assert container.run("sh", "-c", "cd /tmp && procmanctl status").split()[:2] == ["web", "RUNNING"]
        assert container.stop() == 0


def test_the_article_runs_unchanged(image, tmp_path):
    """The article's supervisord.conf and programs run in an image built as in the article, with the same log."""
    context = tmp_path / "context"
    shutil.copytree(PROGRAMS, context / "programs", ignore=shutil.ignore_patterns("__pycache__"))
    (context / "Dockerfile").write_text(
        f"FROM {IMAGE}\n"
        "RUN mkdir -p /var/log/supervisor\n"
        "COPY programs /opt/programs\n"
        "RUN ln -s /opt/programs/dockerapp1.py /bin/dockerapp1"
        " && ln -s /opt/programs/dockerapp1_brother.py /bin/dockerapp1-brother\n"
        "COPY programs/article.conf /etc/supervisord.conf\n"
        'CMD ["procman", "-c", "/etc/supervisord.conf"]\n'
    )
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o777)
    with Container(build(f"{IMAGE}-article", context), "-v", f"{logs}:/tmp") as container:
        container.expect(
            "INFO procman started with pid 1$",
            r"INFO spawned: 'dockerapp1' with pid \d+$",
            r"INFO spawned: 'dockerapp1-brother' with pid \d+$",
        )
        container.expect_all([RUNNING.format("dockerapp1"), RUNNING.format("dockerapp1-brother")])
        assert container.stop() == 0
    text = container.text
    for line in (
        "WARN received SIGTERM indicating exit request",
        "INFO waiting for dockerapp1, dockerapp1-brother to die",
        "INFO stopped: dockerapp1 (exit status 0)",
        "INFO stopped: dockerapp1-brother (exit status 0)",
    ):
        assert line in text
    farewell = "handle signal: {}\nsignal {} received, app exit normally\n"
    assert (logs / "dockerapp1.log").read_text() == farewell.format("terminated", "termiate")
    assert (logs / "dockerapp1-brother.log").read_text() == farewell.format("quit", "quit")

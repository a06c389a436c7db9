"""Leftovers when a container is stopped: they get the signal once, and as much time as their program."""

import pytest

from tests.support.containers import PROGRAMS, RUNNING, Container

pytestmark = pytest.mark.container

MOUNT = ("-v", f"{PROGRAMS}:/opt/programs:ro")
TWICE = "/opt/programs/twice.py"


@pytest.fixture
def with_app(tmp_path):
    """The options that mount the programs and a configuration with one program, started by a shell."""

    def mount(seconds: int, *lines: str) -> tuple[str, ...]:
        text = f"""\
            [procman]
            logfile = "/dev/stdout"
            pidfile = "/tmp/procman.pid"
            [program.app]
            command = ["bash", "-c", "python3 {TWICE} {seconds}; echo"]
            stdout_logfile = "-"
            stopwaitsecs = 50
        """
        (tmp_path / "procman.toml").write_text("\n".join([*map(str.strip, text.splitlines()), *lines]))
        return ("-v", f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro", *MOUNT)

    return mount


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("stopasgroup = true",),
        ('stop_scope = "group"',),
        ('stop_scope = "group"', 'leftovers = "stop"'),
        ('stop_scope = "tree"',),
    ],
    ids=",".join,
)
def test_it_gets_the_stop_signal_once_and_saves_its_work(image, with_app, lines):
    """A leftover that needs four seconds and would lose its work at a second SIGTERM saves it."""
    with Container(image, *with_app(4, *lines)) as container:
        container.expect_all(["^twice is up$", RUNNING.format("app")])
        assert container.stop(60) == 0
    assert "twice has saved" in container.lines
    assert "SIGKILL" not in container.text


def test_it_has_no_more_than_the_whole_shutdown(image, with_app):
    """A leftover has no more time than the shutdown_timeout."""
    options = with_app(1000)
    config = options[1].split(":")[0]
    with open(config, encoding="utf-8") as file:
        text = file.read()
    with open(config, "w", encoding="utf-8") as file:
        file.write(text.replace("[procman]", '[procman]\nshutdown_timeout = "4s"'))
    with Container(image, *options) as container:
        container.expect_all(["^twice is up$", RUNNING.format("app")])
        assert container.stop(60) == 0
    container_says = [line for line in container.lines if "with SIGKILL: still there after" in line]
    assert len(container_says) == 1, container.text


def test_a_stranger_holds_nobody_up(image, with_app):
    """A shell from outside that ignores SIGTERM has two seconds, not a program's stopwaitsecs."""
    with Container(image, *with_app(0)) as container:
        container.expect_all(["^twice is up$", RUNNING.format("app")])
        container.run("sh", "-c", "(trap '' TERM; exec sleep 1000) > /dev/null 2>&1 & echo")
        assert container.stop(60) == 0
    assert "twice has saved" in container.lines


@pytest.mark.parametrize("words", [("-g",), (), ("-k", "50")], ids=" ".join)
def test_what_run_is_left_with_is_asked_once_too(image, words):
    """Leftovers of `procman run` as the entrypoint get the signal once; the container ends as its program did."""
    command = ("procman", "run", *words, "--", "bash", "-c", f"python3 {TWICE} 4; echo")
    with Container(image, *MOUNT, command=command) as container:
        container.expect("^twice is up$")
        assert container.stop(60) == 128 + 15
    assert container.lines[-1] == "twice has saved"

"""The five containers of the article, as the examples build them: started, and stopped as `docker stop` does it.

Times are those in the log, and of those only what cannot be less. A budget (`podman stop -t`) is far more than is
needed, or it is what has to run out.
"""

import os
import select
import shutil

import pytest
import yaml

from procman.config.load import load
from procman.convert import kubernetes
from procman.convert.result import Target
from tests.support.containers import EXAMPLES, IMAGE, RUNNING, Container, build
from tests.support.log_lines import PATIENCE, line_with, stamp

pytestmark = pytest.mark.container

# Docker's and podman's own.
USUAL = 10


@pytest.fixture
def example(image):
    """Builds the image of an example on top of procman's."""

    def build_it(name: str) -> str:
        return build(f"{IMAGE}-{name}", EXAMPLES / name, "--build-arg", f"BASE={image}")

    return build_it


def stopped(container, seconds=USUAL):
    """Stop it, and wait for the end of every process in it; return the exit status."""
    watched = [os.pidfd_open(pid) for pid in container.processes()]
    assert watched
    try:
        status = container.stop(seconds)
        for process in watched:
            poll = select.poll()
            poll.register(process, select.POLLIN)
            assert poll.poll(PATIENCE * 1000), "a process of the container is still there"
    finally:
        for process in watched:
            os.close(process)
    return status


def in_order(lines, *texts):
    """Each text is in one line, in this order."""
    places = [lines.index(line_with(lines, text)) for text in texts]
    assert places == sorted(places), "\n".join(lines)


def test_dockerapp1_leaves_by_itself(example):
    """dockerapp1 gets SIGTERM and prints its last line before the master ends with status 0."""
    with Container(example("dockerapp1")) as container:
        container.expect_all(["^dockerapp1 is ready$", RUNNING.format("dockerapp1")])
        assert stopped(container) == 0
    in_order(
        container.lines,
        "received SIGTERM indicating exit request",
        "waiting for dockerapp1 to die",
        "handle signal: SIGTERM",
        "signal terminate received, app exit normally",
        "stopped: dockerapp1 (exit status 0)",
    )
    assert "SIGKILL" not in container.text


def test_dockerapp2_is_killed_by_procman_and_not_by_the_runtime(example):
    """dockerapp2 ignores SIGTERM and is killed by the master, which logs that and exits with 0."""
    with Container(example("dockerapp2")) as container:
        container.expect_all(["^dockerapp2 is ready$", RUNNING.format("dockerapp2")])
        assert stopped(container, seconds=60) == 0
    in_order(
        container.lines,
        "received SIGTERM indicating exit request",
        "handle signal: SIGTERM",
        "killing 'dockerapp2'",
        "stopped: dockerapp2 (terminated by SIGKILL)",
        "stopping took ",
    )
    asked = stamp(line_with(container.lines, "waiting for dockerapp2 to die"))
    # Its stopwaitsecs; the log counts milliseconds.
    assert stamp(line_with(container.lines, "killing 'dockerapp2'")) - asked >= 2 - 0.001
    assert "dockerapp2 2." in line_with(container.lines, "stopping took ")


def test_dockerapp3_both_its_processes_leave_by_themselves(example):
    """Parent and child of dockerapp3 get the signal, print their last lines, and the master waits for both."""
    with Container(example("dockerapp3")) as container:
        container.expect_all(["^parent: ready$", "^child: ready$", RUNNING.format("dockerapp3")])
        assert len(container.processes()) == 3
        assert stopped(container) == 0
    for who in ("parent", "child"):
        in_order(
            container.lines,
            "received SIGTERM indicating exit request",
            f"{who}: handle signal: SIGTERM",
            f"{who}: signal terminate received, app exit normally",
            "stopped: dockerapp3 (exit status 0)",
        )
    assert "SIGKILL" not in container.text


def test_bash_as_pid_1_keeps_the_signal_to_itself(example):
    """With bash as PID 1, neither bash nor its service reacts until the runtime kills them."""
    with Container(example("shell"), command=("start.sh",)) as container:
        container.expect("^start.sh prepares$", "^dockerapp1 is ready$")
        assert stopped(container, seconds=1) == 128 + 9
    # podman may have something to say as well.
    assert [line for line in container.lines if not line.startswith("time=")] == [
        "start.sh prepares",
        "dockerapp1 is ready",
    ]


def test_bash_under_procman_and_what_it_runs_leave_both(example):
    """Under procman, bash ends by the signal and its service by itself, and the master waits for both."""
    with Container(example("shell")) as container:
        container.expect_all(["^dockerapp1 is ready$", RUNNING.format("service")])
        assert stopped(container) == 0
    in_order(
        container.lines,
        "start.sh prepares",
        "received SIGTERM indicating exit request",
        "handle signal: SIGTERM",
        "signal terminate received, app exit normally",
        "stopped: service (terminated by SIGTERM)",
    )
    assert "SIGKILL" not in container.text


def test_what_was_brought_into_the_container_hears_of_the_stop_too(example, tmp_path):
    """A process started by `podman exec` gets the stop signal from PID 1, where under bash it is killed."""
    tmp_path.chmod(0o777)
    with Container(example("dockerapp1"), "-v", f"{tmp_path}:/said") as container:
        container.expect_all(["^dockerapp1 is ready$", RUNNING.format("dockerapp1")])
        container.run("sh", "-c", "dockerapp1.py > /said/log & until grep -q ready /said/log; do :; done")
        assert len(container.processes()) == 3
        assert stopped(container) == 0
    in_order(container.lines, "stopped: dockerapp1 (exit status 0)", " to leave, too")
    assert (tmp_path / "log").read_text().splitlines()[1:] == [
        "handle signal: SIGTERM",
        "signal terminate received, app exit normally",
    ]


@pytest.mark.parametrize("options", [(), ("--user", "4321:4321", "--read-only", "--cap-drop=all")], ids=" ".join)
def test_under_an_init_all_is_the_same(example, options):
    """With `docker run --init`, procman is not PID 1 and still waits for the whole tree."""
    tini = shutil.which("tini-static")
    if tini is None and not os.environ.get("CI"):
        pytest.skip("tini is not installed")
    with Container(example("dockerapp3"), "--init", "--init-path", str(tini), *options) as container:
        container.expect(r"procman started with pid (?!1$)\d+$")
        container.expect_all(["^parent: ready$", "^child: ready$", RUNNING.format("dockerapp3")])
        assert container.run("procmanctl", "status").split()[:2] == ["dockerapp3", "RUNNING"]
        assert stopped(container) == 0
    for who in ("parent", "child"):
        in_order(
            container.lines,
            f"{who}: signal terminate received, app exit normally",
            "stopped: dockerapp3 (exit status 0)",
        )
    assert "SIGKILL" not in container.text


def test_two_services_get_each_its_own_signal(example):
    """One service gets SIGTERM and the other SIGQUIT, at the same time, and both end by themselves."""
    with Container(example("two-services")) as container:
        up = ("^{} is ready$", RUNNING)
        container.expect_all([text.format(name) for name in ("dockerapp1", "dockerapp1-brother") for text in up])
        assert stopped(container) == 0
    in_order(
        container.lines,
        "received SIGTERM indicating exit request",
        "waiting for dockerapp1, dockerapp1-brother to die",
        "signal terminate received, app exit normally",
        "stopped: dockerapp1 (exit status 0)",
    )
    in_order(
        container.lines,
        "waiting for dockerapp1, dockerapp1-brother to die",
        "brother: handle signal: SIGQUIT",
        "brother: signal quit received, app exit normally",
        "stopped: dockerapp1-brother (exit status 0)",
    )
    assert "SIGKILL" not in container.text


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (
            "5s",
            "a shutdown may take 9 s (dockerapp1 8 s, then procman itself 1 s), and PROCMAN_STOP_BUDGET allows 5 s",
        ),
        ("10s", None),
        ("soon", "cannot use PROCMAN_STOP_BUDGET: cannot read the duration 'soon'"),
    ],
)
def test_procman_says_at_its_start_that_the_runtime_will_not_wait_so_long(example, budget, said):
    """As PID 1, procman warns if a stop may take longer than PROCMAN_STOP_BUDGET, and runs."""
    with Container(example("dockerapp1"), "-e", f"PROCMAN_STOP_BUDGET={budget}") as container:
        container.expect_all(["^dockerapp1 is ready$", RUNNING.format("dockerapp1")])
        assert container.stop() == 0
    if said is None:
        assert "PROCMAN_STOP_BUDGET" not in container.text
    else:
        in_order(container.lines, said, "procman started with pid 1")


def test_the_probes_that_are_exported_work_in_the_container(example):
    """The exported probes and command work in the container, word for word."""
    config = load(str(EXAMPLES / "two-services" / "procman.toml"))
    exported = kubernetes.export(config, Target(name="two", image="two", procman="procman"))
    pod = yaml.safe_load(exported.files["two.yaml"])["spec"]["template"]["spec"]
    (deployed,) = pod["containers"]
    with Container(example("two-services"), command=tuple(deployed["command"])) as container:
        container.expect_all([RUNNING.format("dockerapp1"), RUNNING.format("dockerapp1-brother")])
        for probe in ("livenessProbe", "readinessProbe"):
            assert container.run(*deployed[probe]["exec"]["command"]) == "ok\n"
        assert container.stop(pod["terminationGracePeriodSeconds"]) == 0

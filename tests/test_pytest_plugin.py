"""The plugin for pytest, in a project of its own."""

import os
import re
import select
import signal
import subprocess
import sys

import pytest

from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.pages import ROOT
from tests.support.running_master import SLEEPER

pytest_plugins = ["pytester"]

PROGRAMS = f'[program.web]\ncommand = "sh -c \'echo hello; exec {SLEEPER}\'"\nready = "log:hello"\n'


@pytest.fixture
def project(pytester) -> pytest.Pytester:
    pytester.makeconftest('pytest_plugins = ["procman.pytest_plugin"]')
    pytester.path.joinpath("services.toml").write_text(PROGRAMS)
    return pytester


@pytest.mark.slow
def test_the_programs_run_for_a_test_and_for_a_session(project):
    """A test gets a client when all are ready; afterwards they are gone."""
    project.makepyfile("""
        import os, pytest

        pids = []

        @pytest.fixture(scope="session")
        def services(procman_session):
            return procman_session("services.toml")

        def test_one(procman, services):
            client = procman("services.toml")
            pids.append(client.process("web")["pid"])
            assert client.process("web")["ready"]
            assert b"hello" in client.log("web")
            pids.append(services.process("web")["pid"])

        def test_two(services):
            assert services.process("web")["pid"] == pids[1]
            with pytest.raises(ProcessLookupError):
                os.kill(pids[0], 0)
    """)
    project.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.slow
def test_the_examples_of_its_page_pass(project):
    """As they stand there, but for the port."""
    page = (ROOT / "docs/how-to/in-tests.md").read_text().replace("8123", str(free_port()))
    conftest, services, tests = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)[:3]
    project.makeconftest(conftest)
    project.mkdir("tests").joinpath("services.toml").write_text(services)
    project.makepyfile(tests)
    project.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.slow
def test_a_failure_has_what_the_programs_say(project):
    """In a test that fails, and where something does not become ready, or cannot be run at all."""
    project.path.joinpath("broken.toml").write_text(
        "[program.web]\ncommand = \"sh -c 'echo no luck; exit 3'\"\nstartretries = 0\n"
    )
    project.path.joinpath("wrong.toml").write_text("[program.web]\n")
    project.makepyfile("""
        def test_mine(procman):
            procman("services.toml")
            assert False

        def test_broken(procman):
            procman("broken.toml")

        def test_wrong(procman):
            procman("wrong.toml")
    """)
    ran = project.runpytest_subprocess("-p", "no:cacheprovider")
    ran.assert_outcomes(failed=3)
    ran.stdout.fnmatch_lines(
        [
            "*- procman -*",
            "web | hello",
            "procman: */broken.toml: cannot become ready: web: FATAL*",
            "web * FATAL for *",
            "web | no luck",
            "procman: */wrong.toml cannot be run:",
            "*command*",
        ]
    )


@pytest.mark.slow
def test_nothing_goes_on_when_the_test_run_is_killed(project):
    """After SIGKILL, which no fixture can see, the master ends with its programs."""
    project.makepyfile("""
        import os, signal

        def test_killed(procman):
            client = procman("services.toml")
            master, web = client.master()["pid"], client.process("web")["pid"]
            with open("pids", "w") as pids:
                pids.write(f"{master} {web}")
            open("watched").read()
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    pids, watching = project.path / "pids", project.path / "watched"
    for fifo in (pids, watching):
        os.mkfifo(fifo)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], cwd=project.path, stdout=subprocess.DEVNULL
    ) as run:
        watched = [os.pidfd_open(int(pid)) for pid in pids.read_text().split()]
        watching.write_text("")
    assert run.returncode == -signal.SIGKILL
    assert len(watched) == 2
    for pidfd in watched:
        assert select.select([pidfd], [], [], PATIENCE)[0], "it still runs"
        os.close(pidfd)

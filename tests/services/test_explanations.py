"""Why real programs have failed, found out while they are driven by a real engine."""

import os
import shlex
import socket
import sys

from procman.core.events import SpawnFailed, StartRequested, StopRequested
from procman.core.spec import Autorestart
from procman.core.states import State
from procman.runtime.process_trees import OrphanedDescendants
from procman.services.explanations import Explanations, Finding, Kind
from procman.services.held_addresses import Relation
from tests.support.free_ports import free_port
from tests.support.programs import group
from tests.support.running_engine import PATIENCE, RunningEngine, on_engine

LISTENS = "import socket, sys, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(1000)"
# Leaves a child behind that listens.
LEAVES = (
    "import os, socket, time\ns = socket.create_server(('127.0.0.1', {port}))\n"
    "if os.fork(): os._exit(0)\nos.setsid(); time.sleep(1000)"
)


def python(code: str) -> str:
    return shlex.join([sys.executable, "-ISc", code])


class Explained(RunningEngine):
    """Such an engine whose failures are explained."""

    def __init__(self, *groups) -> None:
        super().__init__(*groups)
        self.reads = 0
        self.clock = 0.0
        self.explanations = Explanations(self.fleet, self.trees, self.last_lines, lambda: self.clock)
        self.bus.subscribe(self.explanations.hear)

    def last_lines(self, name: str, _pid: int, _count: int, _later) -> dict[str, list[str]]:
        self.reads += 1
        return {"stdout": self.pipes.said.get(name, "").splitlines()}

    async def finding(self, name: str) -> Finding:
        found = await self.explanations.settled(name, PATIENCE)
        assert found is not None
        return found


def failing(name: str, command: str, **options):
    options.setdefault("startsecs", 60)  # it ends before, however busy the machine is
    return group(name, command=command, autostart=False, startretries=0, redirect_stderr=True, **options)


def test_a_port_that_another_program_of_ours_holds():
    """It is named with its pid; when it has stopped, another look sees that."""
    port = free_port()

    async def steps():
        running = Explained(
            group("first", command=python(LISTENS.format(port=port)), startsecs=0),
            failing("second", python(LISTENS.format(port=port))),
        )
        running.boot()
        await running.enters("first", State.RUNNING)
        listens = f"/proc/{running.pid('first')}/net/tcp"
        await running.until_true(lambda: f":{port:04X} 00000000:0000 0A" in open(listens).read())  # noqa: SIM115
        running.engine.post(StartRequested("second"))
        await running.enters("second", State.FATAL)
        found = await running.finding("second")
        pid = running.pid("first")
        running.engine.post(StopRequested("first"))
        await running.enters("first", State.STOPPED)
        running.explanations.look_again("second")
        later = await running.finding("second")
        return found.kind, found.sentence, found.line, found.fact.by[0].relation, pid, later.sentence

    kind, sentence, line, relation, pid, later = on_engine(steps)
    assert (kind, relation) == (Kind.ADDRESS, Relation.PROGRAM)
    assert sentence.startswith(f"port {port} is held by pid {pid} (")
    assert sentence.endswith("of the program first: give one of the two another address")
    assert "Address already in use" in line
    assert later == f"port {port} was in use, and is free now"


def test_what_a_slow_disk_has_read_later_is_understood():
    """The port that was in use is found then."""
    port = free_port()

    class Later(Explained):
        def last_lines(self, name, pid, count, later):
            self.later = lambda: later(Explained.last_lines(self, name, pid, count, later))
            return {}

    async def steps():
        with socket.create_server(("127.0.0.1", port)):
            running = Later(failing("web", python(LISTENS.format(port=port))))
            running.engine.post(StartRequested("web"))
            await running.enters("web", State.FATAL)
            before = running.explanations.of("web")
            running.later()
            return before, (await running.finding("web")).sentence

    before, sentence = on_engine(steps)
    assert before is None
    assert sentence.startswith(f"port {port} is held by procman itself (pid ")


def test_a_leftover_of_its_own_earlier_run_holds_the_port():
    """The run has the number that the process counts."""
    port = free_port()

    async def steps():
        running = Explained(
            failing("web", python(LEAVES.format(port=port)), startsecs=0, autorestart=Autorestart.NEVER)
        )
        for run in (1, 2):
            running.engine.post(StartRequested("web"))
            await running.until(lambda run=run: running.states("web").count("EXITED") == run)
        found = await running.finding("web")
        return found.fact.by[0].relation, found.fact.by[0].name, found.fact.by[0].run, found.sentence

    relation, name, run, sentence = on_engine(steps)
    assert (relation, name, run) == (Relation.LEFTOVER, "web", 1)
    assert "a leftover of run 1 of web: kill " in sentence


def test_env_does_not_find_the_interpreter_of_a_script(tmp_path):
    """The kernel has started env, which is there: what is wrong is the rest of the first line."""
    script = tmp_path / "app"

    async def steps():
        running, said = Explained(failing("web", str(script))), []
        for first in ("#!/usr/bin/env sh\r\n", "#!/usr/bin/env -S no-such-interpreter -u\n", "#!/bin/sh\nexit 127\n"):
            script.write_text(first)
            script.chmod(0o755)
            running.engine.post(StartRequested("web"))
            await running.until(lambda: running.states("web").count("FATAL") == len(said) + 1)
            found = await running.explanations.settled("web", PATIENCE)
            said.append(found and found.sentence)
            running.clock += 60
        return said

    windows, missing, other = on_engine(steps)
    assert windows == f"the lines of {script} end as on Windows, so env looks for sh\\r: save it with \\n"
    assert missing.startswith(
        "no directory of its PATH has the interpreter no-such-interpreter, which the first line of"
    )
    assert other is None


def test_a_start_that_is_refused_is_explained():
    """By the file that is missing, which is gone when it is there; a look again sees another trouble."""
    command = f"/tmp/endings-{os.getpid()}-none/app"

    async def steps():
        running = Explained(failing("web", command))
        running.engine.post(StartRequested("web"))
        await running.enters("web", State.FATAL)
        first = await running.finding("web")
        os.mkdir(os.path.dirname(command))
        try:
            running.explanations.look_again("web")
            second = await running.finding("web")
        finally:
            os.rmdir(os.path.dirname(command))
        return first.kind, first.sentence, second.sentence

    kind, first, second = on_engine(steps)
    assert kind is Kind.START
    assert first == f"{os.path.dirname(command)} does not exist: check the path in command="
    assert second == f"{command} does not exist: check the path in command="


def test_no_secret_is_in_a_finding():
    """It goes into crash reports, messages and answers."""

    async def steps():
        command = "/bin/sh -c 'echo password=hunter2: No space left on device; exit 1'"
        running = Explained(failing("web", command))
        running.engine.post(StartRequested("web"))
        await running.enters("web", State.FATAL)
        return await running.finding("web")

    found = on_engine(steps)
    assert found.kind is Kind.SHORTAGE
    assert "No space left on device" in found.line
    assert "hunter2" not in found.line + found.sentence


def test_a_program_that_daemonizes_is_recognised():
    """When what it has left behind is reported; what its runs before have left counts, too, as long as it runs."""

    async def steps():
        code = "import os, time\nif os.fork(): os._exit(0)\nos.setsid(); time.sleep(1000)"
        running = Explained(failing("web", python(code)))
        running.engine.post(StartRequested("web"))
        await running.enters("web", State.FATAL)
        await running.until(lambda: bool(running.of(OrphanedDescendants)))
        found = await running.finding("web")
        running.engine.post(StartRequested("web"))
        await running.until(lambda: len(running.of(OrphanedDescendants)) == 2)
        return found.kind, found.sentence, (await running.finding("web")).sentence

    kind, sentence, later = on_engine(steps)
    assert kind is Kind.DAEMONIZED
    assert sentence.startswith("it has daemonized: 1 process of it runs; run it in the foreground")
    assert later.startswith("it has daemonized: 2 processes of it run;")


def test_that_it_has_daemonized_is_not_said_of_a_later_failure(tmp_path):
    """Also while its cause is still looked for."""

    async def steps():
        fails = "echo port 1 is in use; exit 1"
        command = f'/bin/sh -c "if mkdir {tmp_path}/once; then sleep 1000 & exit 0; else {fails}; fi"'
        running = Explained(failing("web", command, startsecs=0, autorestart=Autorestart.NEVER))
        running.engine.post(StartRequested("web"))
        await running.until(lambda: bool(running.of(OrphanedDescendants)))
        first = await running.finding("web")
        running.engine.post(StartRequested("web"))
        await running.until(lambda: running.states("web").count("EXITED") == 2)
        meanwhile = running.explanations.of("web")
        assert meanwhile is None or meanwhile.kind is Kind.ADDRESS
        return first.kind, (await running.finding("web")).kind

    assert on_engine(steps) == (Kind.DAEMONIZED, Kind.ADDRESS)


def test_a_program_that_is_restarted_at_once_is_not_read_each_time():
    """Reading the last words of it a hundred times a second would cost more than the restarts."""

    async def steps():
        running = Explained(
            group("web", command=python("raise SystemExit(3)"), startsecs=0, autorestart=Autorestart.ALWAYS)
        )
        running.boot()
        await running.until(lambda: running.states("web").count("EXITED") >= 5)
        running.engine.post(StopRequested("web"))
        return running.reads

    assert on_engine(steps) == 1


def test_an_end_without_a_known_cause_has_no_finding():
    """Nor has a name that is not there; nothing is waited for then."""

    async def steps():
        running = Explained(failing("web", python("raise SystemExit('no database')")))
        running.engine.post(StartRequested("web"))
        await running.enters("web", State.FATAL)
        running.explanations.look_again("nobody")
        return [await running.explanations.settled(name, PATIENCE) for name in ("web", "nobody")]

    assert on_engine(steps) == [None, None]


def test_the_core_of_a_run_is_looked_for(tmp_path):
    """Where this machine writes cores, or who gets them; the next end without one forgets it."""

    async def steps():
        crash = "/bin/sh -c 'ulimit -c unlimited; kill -ABRT $$'"
        running = Explained(failing("web", crash, directory=str(tmp_path)))
        running.engine.post(StartRequested("web"))
        await running.enters("web", State.FATAL)
        await running.explanations.settled("web", PATIENCE)
        core = running.explanations.core_of("web")
        return running.fleet.processes["web"].last_end.core_dumped, core and (core.path or core.handler)

    dumped, where = on_engine(steps)
    assert bool(where) is dumped


def test_the_socket_of_a_fastcgi_program_that_is_taken_is_explained():
    """The master itself listens there, and says who holds it instead."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        async def steps():
            running = Explained(failing("web", "/bin/true"))
            running.engine.post(StartRequested("web"))
            reason = f"cannot listen on 127.0.0.1:{port}: Address already in use; stop the other program, or choose"
            running.bus.publish(SpawnFailed("web", reason))
            return (await running.finding("web")).sentence

        assert on_engine(steps).startswith(f"port {port} is held by pid {os.getpid()} ")


def test_what_was_found_goes_on_in_another_process_image():
    """A look again has the address from the program's words, or its command."""
    port = free_port()

    async def steps():
        line = "OSError: [Errno 98] Address already in use"
        with socket.create_server(("127.0.0.1", port)):
            running = Explained(failing("web", f"{sys.executable} -m http.server {port}"))
            running.explanations.restore({"web": ["address", "port 1 is held by pid 2", line]})
            before, again = running.explanations.of("web"), Explained()
            again.explanations.restore(running.explanations.snapshot())
            running.explanations.look_again("web")
            return before, again.explanations.of("web"), (await running.finding("web")).sentence

    before, again, sentence = on_engine(steps)
    assert (before.kind, before.sentence) == (Kind.ADDRESS, "port 1 is held by pid 2")
    assert again == before
    assert sentence.startswith(f"port {port} is held by procman itself (pid ")

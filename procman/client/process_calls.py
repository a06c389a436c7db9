"""The calls of the typed clients about processes: what they do, what they write, and what is to be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from procman.client.calls import Calls, joined, path_of, without_none
from procman.client.refusals import NotFound
from procman.client.streams import AsyncStream, json_lines, pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from procman.api.shapes.answers import OperationAnswer, RollingAnswer, ScaleAnswer
    from procman.api.shapes.output import LogPiece, RunEvent
    from procman.api.shapes.processes import FiguresInfo, GraphInfo, ProcessInfo
    from procman.api.shapes.rolling import RollingInfo, ScaleInfo
    from procman.api.shapes.schedules import ScheduleInfo
    from procman.api.shapes.why import WhyAnswer

Channel = Literal["stdout", "stderr"]


class Outcome(NamedTuple):
    """How a run has ended, and what it has written."""

    code: int  # as a shell would have it
    done: bool  # a one-shot that has succeeded
    text: str  # in words
    stdout: str  # bytes that are not UTF-8 stand as lone surrogates (surrogateescape)
    stderr: str
    missed: int  # bytes that were left out, as they were not read in time


class ProcessCalls(Calls):
    """A name is that of a process, `group:name`, `group:*`, `all`, or a glob."""

    async def processes(self, name: str = "all") -> list[ProcessInfo]:
        """All processes, or those that are named; raises NotFound."""
        found: list[ProcessInfo] = (await self._get(path_of(name)))["processes"]
        return found

    async def process(self, name: str) -> ProcessInfo:
        """One process; raises NotFound if the name stands for none, or for several."""
        found = await self.processes(name)
        if len(found) != 1:
            raise NotFound("BAD_NAME", f"cannot select one process by {name}: it stands for {len(found)}", 404)
        return found[0]

    async def start(self, *names: str, wait: bool = True, timeout: float | None = None) -> OperationAnswer:
        """Start them, and wait until they are up; one that is up already is fine.

        Args:
            names: of processes and groups.
            wait: False: return when it has begun.
            timeout: seconds; then raises NotYet, and it goes on.

        Raises:
            NotDone: not all of them came up.
        """
        return await self._do("start", names, wait, timeout, fine="ALREADY_STARTED")

    async def stop(
        self, *names: str, wait: bool = True, timeout: float | None = None, cascade: bool = False
    ) -> OperationAnswer:
        """Stop them, with what depends on them if `cascade`; one that is down already is fine. As `start`."""
        return await self._do("stop", names, wait, timeout, fine="NOT_RUNNING", cascade=cascade or None)

    async def restart(self, *names: str, wait: bool = True, timeout: float | None = None) -> OperationAnswer:
        """Stop those that are up, and start all. As `start`."""
        return await self._do("restart", names, wait, timeout)

    async def signal(self, signal: str, *names: str) -> OperationAnswer:
        """Send a signal such as "HUP", and do not wait for what it does; raises NotDone where one does not run."""
        return await self._do("signal", names, wait=True, timeout=None, signal=signal)

    async def _do(
        self, verb: str, names: Sequence[str], wait: bool, timeout: float | None, *, fine: str = "", **more: object
    ) -> OperationAnswer:
        body = {"names": list(names), "wait": wait, "timeout": timeout, **more}
        answer: OperationAnswer = await self._operate(verb, f"/v1/processes/{verb}", body, fine)
        return answer

    async def rolling_restart(
        self, *names: str, batch: str | None = None, wait: bool = True, timeout: float | None = None
    ) -> RollingAnswer:
        """Restart programs in turn, each batch when the one before is ready.

        Args:
            names: of programs, groups or processes.
            batch: how many at once, "2" or "25%"; by default what rolling_batch says.
            wait: False: return when it has begun.
            timeout: seconds; then raises NotYet, and it goes on.

        Raises:
            NotDone: it has stopped; `abort_rolling` puts the earlier definition back.
        """
        body = {"names": list(names), "batch": batch, "wait": wait, "timeout": timeout}
        answer: RollingAnswer = await self._operate("restart in turn", "/v1/rolling/restart", body)
        return answer

    async def continue_rolling(self, *names: str, timeout: float | None = None) -> RollingAnswer:
        """Go on where a rolling restart has stopped. As `rolling_restart`."""
        body = {"names": list(names), "timeout": timeout}
        answer: RollingAnswer = await self._operate("continue", "/v1/rolling/continue", body)
        return answer

    async def abort_rolling(self, *names: str, timeout: float | None = None) -> RollingAnswer:
        """End rolling restarts, and put earlier definitions back. As `rolling_restart`."""
        body = {"names": list(names), "timeout": timeout}
        answer: RollingAnswer = await self._operate("abort", "/v1/rolling/abort", body)
        return answer

    async def rolling(self) -> list[RollingInfo]:
        """The rolling restarts that go on, have stopped, or can be put back."""
        found: list[RollingInfo] = (await self._get("/v1/rolling"))["rolling"]
        return found

    async def scale(self, program: str, number: int | str, *, timeout: float | None = None) -> ScaleAnswer:
        """Set how many processes a program has: a number, or a change such as "+1"; raises ApiError."""
        change = number if isinstance(number, str) else f"={number}"
        body = without_none({"scale": f"{program}{change}", "timeout": timeout})
        answer: ScaleAnswer = await self.request("POST", "/v1/scale", body)
        return answer

    async def scales(self) -> list[ScaleInfo]:
        """The programs that may have several processes."""
        found: list[ScaleInfo] = (await self._get("/v1/scale"))["scales"]
        return found

    # ---- runs

    def run_events(self, name: str, *args: str, env: Mapping[str, str] | None = None) -> AsyncStream[RunEvent]:
        """Run one process now: events as they come, until the run has ended. It goes on if you leave."""
        return self._stream(path_of(name, "/run"), json_lines, {"args": list(args), "env": dict(env or {})})

    async def run(self, name: str, *args: str, env: Mapping[str, str] | None = None) -> Outcome:
        """Run one process now, and wait for its end.

        Args:
            name: of a process that is not running.
            args: further arguments of its command.
            env: further variables.

        Raises:
            Conflict: it runs already, or could not be started.
        """
        written: dict[str, list[str]] = {"stdout": [], "stderr": []}
        missed = 0
        ended: RunEvent = {"event": "ended"}
        async with self.run_events(name, *args, env=env) as events:
            async for event in events:
                if event["event"] == "output":
                    written[event["channel"]].append(event["data"])
                    missed += event.get("missed", 0)
                elif event["event"] == "ended":
                    ended = event
        stdout, stderr = map("".join, written.values())
        return Outcome(
            ended.get("code", 1), ended.get("done", False), ended.get("text", ""), stdout, stderr, missed=missed
        )

    async def begin_run(self, name: str, *args: str, env: Mapping[str, str] | None = None) -> int:
        """Run one process now, and return the id of the operation at once; see `operation`."""
        body = {"args": list(args), "env": dict(env or {}), "follow": False}
        number: int = (await self.request("POST", path_of(name, "/run"), body))["operation"]
        return number

    async def schedules(self, name: str = "all", *, count: int = 1) -> list[ScheduleInfo]:
        """The next `count` times of each schedule."""
        found: list[ScheduleInfo] = (await self._get("/v1/schedules", name=name, count=count))["schedules"]
        return found

    # ---- what they write, and why they are as they are

    async def log(self, name: str, channel: Channel = "stdout", *, tail: int = 1600) -> bytes:
        """The last `tail` bytes of the log of one process; raises NotFound where it has none."""
        return await self._bytes(path_of(name, f"/log/{channel}"), tail=tail)

    def follow_log(self, name: str, channel: Channel = "stdout", *, tail: int = 1024) -> AsyncStream[bytes]:
        """The last bytes of the log of one process, and what it writes, as it comes."""
        return self._stream(path_of(name, f"/log/{channel}"), pieces, tail=tail, follow=1)

    def logs(
        self,
        *names: str,
        channel: Channel | None = None,
        lines: int = 10,
        since: float | None = None,
        follow: bool = False,
    ) -> AsyncStream[LogPiece]:
        """Several logs as one, in the order of their times.

        Args:
            names: of processes and groups; without any, of all.
            channel: None: both.
            lines: how many of the last lines of each.
            since: what was written since then, in seconds since the epoch.
            follow: and what comes; else it ends.
        """
        return self._stream(
            "/v1/logs",
            json_lines,
            name=joined(names),
            channel=channel,
            lines=lines,
            since=since,
            follow=1 if follow else None,
        )

    async def why(self, name: str | None = None) -> WhyAnswer:
        """Why a process is as it is; without a name, all that is not as it should be."""
        answer: WhyAnswer = await self._get("/v1/why", name=name)
        return answer

    async def figures(self) -> list[FiguresInfo]:
        """What each process and all that it has started use: memory, CPU time, descriptors."""
        found: list[FiguresInfo] = (await self._get("/v1/figures"))["figures"]
        return found

    async def graph(self) -> list[GraphInfo]:
        """What depends on what, in the order in which they start."""
        found: list[GraphInfo] = (await self._get("/v1/graph"))["processes"]
        return found

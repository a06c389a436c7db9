"""The calls of the typed clients about the master: its configuration, its health, and what has happened."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING, Any

from procman.client.calls import Calls, joined, without_none
from procman.client.refusals import NotYet
from procman.client.streams import AsyncStream, events, json_lines
from procman.client.wire import Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from procman.api.shapes.access import WhoamiInfo
    from procman.api.shapes.answers import ConfirmationAnswer, UpdateAnswer
    from procman.api.shapes.configuration import Changes
    from procman.api.shapes.crashes import CrashInfo, CrashReport
    from procman.api.shapes.health import HealthInfo
    from procman.api.shapes.journal import JournalRecord
    from procman.api.shapes.master import Change, MasterInfo, OperationInfo, Snapshot
    from procman.api.shapes.schedules import JobRunInfo
    from procman.api.shapes.update import PendingInfo, PlanInfo


class ConfigurationCalls(Calls):
    """What the file has, what runs, and the way from one to the other."""

    async def reread(self) -> Changes:
        """Read the file, and say what an update would touch; raises BadConfiguration."""
        found: Changes = await self.request("POST", "/v1/config/reread")
        return found

    async def plan(self, *groups: str) -> PlanInfo:
        """What an update would do, option by option; nothing is changed. Raises BadConfiguration."""
        plan: PlanInfo = await self._get("/v1/config/plan", groups=joined(groups))
        return plan

    async def apply(
        self, plan: PlanInfo, *, confirm: float | None = None, timeout: float | None = None
    ) -> UpdateAnswer:
        """Carry out a plan as it is.

        Args:
            plan: as `plan` has returned it.
            confirm: seconds; it is rolled back after that time unless `confirm` was called.
            timeout: seconds; then it returns with the steps so far, and the update goes on.

        Raises:
            Conflict: STALE_PLAN: the file or what runs has changed since; UNCONFIRMED: another update waits.
        """
        body = without_none({"plan": plan, "confirm": confirm, "timeout": timeout})
        answer: UpdateAnswer = await self.request("POST", "/v1/config/apply", body)
        return answer

    async def update(
        self, *groups: str, dry_run: bool = False, confirm: float | None = None, timeout: float | None = None
    ) -> UpdateAnswer:
        """Read the file and apply what has changed, of these groups or of all. As `apply`."""
        body = {"groups": list(groups) or None, "dry_run": dry_run or None, "confirm": confirm, "timeout": timeout}
        answer: UpdateAnswer = await self.request("POST", "/v1/config/update", without_none(body))
        return answer

    async def pending(self) -> PendingInfo | None:
        """The update that waits for its confirmation."""
        found: PendingInfo | None = (await self._get("/v1/config/confirmation"))["pending"]
        return found

    async def confirm(self, operation: int | None = None) -> ConfirmationAnswer:
        """Keep the update that waits; raises Conflict (ROLLED_BACK) if that cannot be."""
        answer: ConfirmationAnswer = await self.request(
            "POST", "/v1/config/confirm", without_none({"operation": operation})
        )
        return answer

    async def abort(self, operation: int | None = None) -> ConfirmationAnswer:
        """Roll the update back that waits."""
        answer: ConfirmationAnswer = await self.request(
            "POST", "/v1/config/abort", without_none({"operation": operation})
        )
        return answer


class MasterCalls(Calls):
    """The master, and its journal."""

    async def whoami(self) -> WhoamiInfo:
        """What this client is to the master, and what it may do."""
        found: WhoamiInfo = await self._get("/v1/whoami")
        return found

    async def master(self) -> MasterInfo:
        """The master itself."""
        found: MasterInfo = await self._get("/v1/master")
        return found

    async def health(self) -> HealthInfo:
        """Whether everything runs that should, and what is missing."""
        found: HealthInfo = await self._get("/v1/health")
        return found

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Wait until every process is up, ready and healthy that should be.

        Raises:
            NotYet: the time is over, or one has failed for good; the text says what is missing.
        """
        until = time.monotonic() + timeout
        async with self.events() as changes:
            while True:
                health = await self.health()
                if health["ready"]:
                    return
                processes = (await self._get("/v1/processes"))["processes"]
                # What is blocked starts by itself when its dependency does.
                if any(one["statename"] == "FATAL" and one["wanted"] and not one["phase"] for one in processes):
                    raise NotYet(f"cannot become ready: {'; '.join(health['missing'])}")
                changes.patience = until - time.monotonic()
                try:
                    if changes.patience > 0 and await anext(changes, None) is not None:
                        continue
                except Unreachable as error:
                    if error.errno != errno.EAGAIN:
                        raise
                raise NotYet(f"not ready after {timeout:g} s: {'; '.join(health['missing'])}")

    async def metrics(self) -> str:
        """All metrics, in the text format of Prometheus."""
        return (await self._bytes("/metrics")).decode()

    async def operation(self, number: int, *, timeout: float = 0) -> OperationInfo:
        """One operation, when it has ended or after `timeout` seconds."""
        path = f"/v1/operations/{number}?timeout={timeout:.0f}"
        found: OperationInfo = await self.request("GET", path, patience=timeout + 30)
        return found

    async def shutdown(self) -> int:
        """Stop everything and end the master; returns the id of the operation before that begins."""
        number: int = (await self.request("POST", "/v1/master/shutdown"))["operation"]
        return number

    async def reload(self) -> int:
        """Stop everything, read the file again and start; raises BadConfiguration before anything is stopped."""
        number: int = (await self.request("POST", "/v1/master/reload"))["operation"]
        return number

    # ---- what has happened, and what happens

    def events(self) -> AsyncStream[Snapshot | Change]:
        """All processes at first (a Snapshot), and then those to which something has happened (Changes)."""
        return self._stream("/v1/events", _values)

    async def journal(
        self, *names: str, since: str | int | None = None, kind: str | None = None, limit: int | None = None
    ) -> list[JournalRecord]:
        """What has happened, the oldest first.

        Args:
            names: of processes and groups, which may be gone.
            since: a record's seq, for what came after it; or "10m", "14:02", "2026-11-29T14:02".
            kind: such as "state,crash".
            limit: 1000 at most unless it says otherwise.
        """
        found: list[JournalRecord] = (
            await self._get("/v1/journal", name=joined(names), since=since, kind=kind, limit=limit)
        )["records"]
        return found

    def follow_journal(
        self, *names: str, since: str | int | None = None, kind: str | None = None
    ) -> AsyncStream[JournalRecord]:
        """What happens, as it does; with `since`, what has happened before that. As `journal`."""
        return self._stream("/v1/journal", json_lines, name=joined(names), since=since, kind=kind, follow=1)

    async def crashes(self, name: str = "all") -> list[CrashInfo]:
        """Crash reports, the latest first."""
        found: list[CrashInfo] = (await self._get("/v1/crashes", name=name))["crashes"]
        return found

    async def crash(self, seq: int) -> CrashReport:
        """One crash report by its number; raises NotFound."""
        found: CrashReport = await self._get(f"/v1/crashes/{seq}")
        return found

    async def runs(self, name: str = "all") -> list[JobRunInfo]:
        """The last runs of one-shots, the oldest first."""
        found: list[JobRunInfo] = (await self._get("/v1/runs", name=name))["runs"]
        return found


async def _values(more: Callable[[], Coroutine[Any, Any, bytes]]) -> AsyncIterator[Any]:
    async for _, value in events(more):
        yield value

"""Holds the notifications of a master, which are imported with the first notify section that it has."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from procman.config.schema.notify import Notify
from procman.errors import OperationError, Reason

if TYPE_CHECKING:
    from procman.notify.outbox import Outcome
    from procman.services.notifications import Notifications, SectionStatus
    from procman.services.surroundings import Surroundings

Data = dict[str, Any]


class Notifying:
    """Nothing but a list of no sections, until there is one."""

    def __init__(self, around: "Callable[[], Surroundings]") -> None:
        """`around` gives what the notifications work with, once."""
        self._around = around
        self._made: Notifications | None = None
        self.rules: tuple[Notify, ...] = ()

    def apply(self, rules: tuple[Notify, ...]) -> None:
        """Go by these sections from now on."""
        self.rules = rules
        if self._made is None and rules:
            self._made = self._notifications()
        if self._made is not None:
            self._made.apply(rules)

    def statuses(self) -> "list[SectionStatus]":
        """Every section, in the order of the file."""
        return [] if self._made is None else self._made.statuses()

    def troubles(self) -> list[str]:
        """The sections that cannot send messages at present, and why."""
        return [] if self._made is None else self._made.troubles()

    async def test(self, name: str) -> "Outcome":
        """Send a test message; raises OperationError(UNKNOWN_NAME)."""
        if self._made is None:
            text = f"there is no [notify:{name}]: the configuration has no such sections"
            raise OperationError(text, Reason.UNKNOWN_NAME)
        return await self._made.test(name)

    @property
    def obstacle(self) -> str | None:
        """Why no other code could go on from here just now."""
        return None if self._made is None else self._made.obstacle

    def snapshot(self, *, goes_on: bool = True) -> Data | None:
        """What is not told or not sent yet, and the helper if that `goes_on`; None: there was never a section."""
        return None if self._made is None else self._made.snapshot(goes_on=goes_on)

    def restore(self, data: Data | None) -> None:
        """Go on from there, after `apply`."""
        if data is None:
            return
        if self._made is None:
            self._made = self._notifications()
        self._made.restore(data)

    async def finish(self, within: float) -> None:
        """Send what there is in this time, and end."""
        if self._made is not None:
            await self._made.finish(within)

    async def stop(self) -> None:
        """Send nothing more."""
        if self._made is not None:
            await self._made.stop()

    def _notifications(self) -> "Notifications":
        from procman.services.notifications import Notifications  # noqa: PLC0415 - few configurations tell anybody

        return Notifications(self._around())

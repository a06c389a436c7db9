"""The door to `why`: what it needs is imported when somebody first asks, as most masters are as they should be."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from procman.core.states import State
from procman.services.explain_parts import Parts
from procman.services.status import ProcessStatus

if TYPE_CHECKING:
    from procman.services.drift import DriftAnswer
    from procman.services.explain_service import Answer, Explainer

# What is said of these stays the same as long as their status does, and monitors ask often.
_LASTING = frozenset({State.BACKOFF, State.EXITED, State.FATAL, State.UNKNOWN})


May = Callable[[str], bool]


class Why:
    """Explains processes, and the master; lives on the loop's thread."""

    def __init__(self, parts: Parts) -> None:
        """`parts` are what it looks at."""
        self._parts = parts
        self._made: Explainer | None = None
        self._said: WeakKeyDictionary[ProcessStatus, str] = WeakKeyDictionary()

    def one_sentence(self, name: str) -> str:
        """Why the process of that namespec is as it is: `FATAL: 4 failed starts in 9 s; exit status 1, last words: …`.

        It does not change while nothing happens to the process. "" where there is no such process.
        """
        return self._explainer.one_sentence(name)

    def if_failed(self, status: ProcessStatus) -> str:
        """The same of a process that has failed; "" for others: those that start or stop are mostly well soon."""
        if not status.has_failed:
            return ""
        said = self._said.get(status)
        if said is None:
            said = self.one_sentence(status.namespec)
            if status.state in _LASTING:
                self._said[status] = said
        return said

    async def answer(self, spec: str | None = None, may: May | None = None) -> "Answer":
        """Explain what `spec` names; without it all that is not as it should be. Raises UnknownProcess.

        "procman" is the master itself, and the process of that name where there is one. With `may`, only the processes
        that it takes, by namespec, are there, and no master.
        """
        return await self._explainer.answer(spec, may)

    async def drifts(self, spec: str, may: May | None = None) -> "DriftAnswer":
        """What running processes have otherwise than a start now would give them; raises UnknownProcess."""
        from procman.services.drift import drifts  # noqa: PLC0415 - a whole feature

        return await drifts(self._parts, spec, may)

    @property
    def _explainer(self) -> "Explainer":
        if self._made is None:
            from procman.services.explain_service import Explainer  # noqa: PLC0415 - a whole feature

            self._made = Explainer(self._parts)
        return self._made

"""Changes something for the screen: asks first, sends it, and shows what the master answers."""

from collections.abc import Callable
from functools import partial
from typing import Any

from procman.api.shapes.rolling import ScaleInfo
from procman.cli.signal_guesses import signals
from procman.client.api_client import Client
from procman.config.spelling import closest
from procman.errors import ProcmanError
from procman.tui import changes
from procman.tui.changes import CHANGES, Change
from procman.tui.feed import ask
from procman.tui.fleet import Fleet
from procman.tui.prompt import Prompt
from procman.tui.typed_ahead import TypedAhead


class Changer:
    """What the keys of the group that changes something do."""

    def __init__(
        self,
        app: TypedAhead,
        connect: Callable[[], Client],
        fleet: Fleet,
        say: Callable[[str, bool], None],
    ) -> None:
        """`say` shows a line, and whether all is well."""
        self._app = app
        self._connect = connect
        self._fleet = fleet
        self._say = say

    async def begin(self, operation: str, names: list[str]) -> None:
        """Ask whether to do it to these."""
        change = CHANGES[operation]
        if not names:
            self._say("no process is selected", False)
            return
        forbidden = [name for name in names if not self._fleet.may_change(name)]
        if forbidden:
            self._say(f"you may not change {forbidden[0]}: ? says what you may do", False)
        elif operation == "scale":
            self._request(lambda client: client.call("GET", "/v1/scale")["scales"], partial(self._ask_number, names[0]))
        elif operation == "signal":
            text = changes.question(change, names).removesuffix("?")
            prompt = Prompt(f"{text}:", types=True, hint="HUP, USR1, TERM; Enter sends it, Esc does not")
            await self._app.open_field(prompt, partial(self._signal, names))
        else:
            prompt = Prompt(changes.question(change, names), types=False)
            await self._app.open_field(prompt, partial(self._decide, change, names))

    def _ask_number(self, name: str, scales: list[ScaleInfo]) -> None:
        scale = changes.program_of(scales, name)
        if scale is None:
            self._say(f"{name} cannot be scaled: its program has no numbers in its process_name", False)
            return
        most = "" if scale["numprocs_max"] is None else f", at most {scale['numprocs_max']}"
        prompt = Prompt(
            f"Scale {scale['program']} from {scale['numprocs']} (the file says {scale['in_file']}{most}) to:",
            types=True,
        )
        self._app.push_screen(prompt, partial(self._scale, scale["program"]))

    def _scale(self, program: str, typed: str | None) -> None:
        if typed and not (typed.isascii() and typed.isdecimal()):
            self._say(f"{typed} is not a number of processes", False)
        else:
            self._decide(CHANGES["scale"], [program], typed or None)

    def _signal(self, names: list[str], typed: str | None) -> None:
        name = (typed or "").upper().removeprefix("SIG")
        if name and name not in signals() and not name.isdecimal():
            guess = closest(name, signals(), prefixes=True)
            self._say(f"{typed} is not a signal{f'; did you mean {guess}?' if guess else ''}", False)
        else:
            self._decide(CHANGES["signal"], names, name or None)

    def _decide(self, change: Change, names: list[str], typed: str | None) -> None:
        if typed is None:
            self._say("nothing was changed", True)
            return
        question = changes.question(change, names).removesuffix("?")
        self._say(f"{question}: asked for", True)
        body = changes.body(change, names, typed)
        self._request(lambda client: client.call("POST", change.path, body), partial(self._done, change))

    def _done(self, change: Change, answer: Any) -> None:
        self._say(*changes.answer_text(change, answer))

    def _request(self, work: Callable[[Client], Any], done: Callable[[Any], None]) -> None:
        def heard(outcome: Any) -> None:
            if isinstance(outcome, ProcmanError):
                self._say(f"refused: {outcome}", False)
            else:
                done(outcome)

        ask(self._app, self._connect, work, heard)

"""A thousand programs on the screen, from a master of canned answers."""

import json
import threading

import pytest

from tests.cli.conftest import master, nothing_of_this_machine
from tests.support.fake_master import Stream, process
from tests.support.top_screen import TopScreen, on_screen

__all__ = ["master", "nothing_of_this_machine"]

MASTER = {"statename": "RUNNING", "config_file": "/etc/app.toml", "identifier": "app", "may_control": True}
COUNT = 1000


def event(name: str, **content: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n".encode()


def program(number: int, state: str = "RUNNING") -> dict:
    return process(f"program_{number}", state, group="fleet") | {"pid": 7}


@pytest.mark.slow
def test_a_thousand_programs_are_drawn_as_far_as_they_are_seen(master):
    """All are there at once; a change out of sight draws nothing, and one that fails comes to the top."""
    goes_on = threading.Semaphore(0)
    everything = [program(number) for number in range(COUNT)]
    names = [info["namespec"] for info in everything]
    master.answers["GET", "/v1/events?interval=0.25"] = Stream(
        # The rest follows at once if there are very many.
        event("snapshot", master=MASTER, names=names, processes=everything[:300]),
        event("change", processes=everything[300:]),
        event("change", processes=[program(900, "STARTING") | {"flapping_until": 0}]),
        event("change", processes=[program(950, "FATAL")]),
        b"",
        between=goes_on.acquire,
    )
    master.answers["GET", "/v1/figures"] = {"figures": []}

    async def act(screen: TopScreen) -> None:
        table = screen.table
        goes_on.release()
        await screen.until(lambda: len(table.names) == COUNT)
        await screen.press("end")
        assert table.cursor == "fleet:program_999"
        drawn = []
        draw = table.draw
        table.draw = lambda number, width: drawn.append(table.names[number]) or draw(number, width)
        goes_on.release()
        await screen.until(lambda: table.names[0] == "fleet:program_900")
        assert set(drawn) <= set(names[-table.page - 1 :])
        goes_on.release()
        await screen.until(lambda: table.names[0] == "fleet:program_950")
        # The cursor stays with its process, and its line where it is seen.
        assert table.cursor == "fleet:program_999"
        await screen.press("a")
        assert len(table.marked) == COUNT
        await screen.until(lambda: "only 100" in screen.pane.title)
        goes_on.release()
        await screen.until(lambda: "NO CONNECTION" in screen.line("heading"))
        for _ in range(20):
            goes_on.release()

    on_screen(master.url, act)

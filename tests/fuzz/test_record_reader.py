"""`procman replay` reads any file: it shows what can be replayed, or says why not."""

import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from procman.cli.procman import main
from tests.support.fuzz_inputs import damaged

RECORD = (Path(__file__).parents[1] / "simulation" / "records" / "update-upgrade-shutdown.jsonl").read_bytes()
LINES = [json.loads(line) for line in RECORD.splitlines()]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)


def replays(content: bytes) -> None:
    """It ends with one of its statuses, and whatever it says is no traceback and moves no cursor."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(["replay", file.name])
    assert status in (0, 1, 2)
    assert (status == 2) is (err.getvalue().startswith("procman: ") and "torn" not in err.getvalue())
    assert "\x1b" not in out.getvalue() + err.getvalue()


@settings(max_examples=120)
@given(damaged([RECORD]))
def test_a_spoilt_recording_is_replayed_or_refused(content):
    """Bytes that are cut, doubled, swapped or replaced."""
    replays(content)


@settings(max_examples=120)
@given(st.data())
def test_values_of_any_kind_are_replayed_or_refused(data):
    """Where a number is expected, a text may stand; where a group is, a list."""
    lines = [deepcopy(line) for line in LINES[: data.draw(st.integers(1, 20))]]
    for _ in range(data.draw(st.integers(1, 3))):
        place = line = data.draw(st.sampled_from(lines))
        while isinstance(line, dict) and line:
            place, key = line, data.draw(st.sampled_from(sorted(line)))
            line = line[key]
            if data.draw(st.booleans()):
                break
        if place:
            place[key] = data.draw(JSON)
    replays(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


@settings(max_examples=100)
@given(st.lists(JSON, max_size=5))
@example([{"recording": 1}])
@example([{"recording": True, "why": "boot"}])
@example([{"in": "boot"}])
@example([{**LINES[0], "time": 1e400}])
@example([{**LINES[0], "time": 1e300}])
@example([{**LINES[0], "now": float("nan")}])
@example([LINES[0], {**LINES[1], "at": 1e300}])
def test_any_lines_of_json_are_replayed_or_refused(lines):
    """Also those that are no objects."""
    replays(b"".join(json.dumps(line).encode() + b"\n" for line in lines))

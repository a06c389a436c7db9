"""The fuzzed code, one function each: they take any bytes, and raise nothing that is not meant to be raised.

The tests feed them with hypothesis, `steered.py` with atheris.
"""

import os
from collections.abc import Iterable, Iterator

from procman.config import settings
from procman.config.load import load, read
from procman.config.problems import ConfigError
from procman.config.schema.configuration import Config
from procman.config.stop_plan import stop_plan
from procman.events.protocol import MAX_LINE, MAX_RESULT, BadLine, Conversation, Heard, ListenerState, Result


def read_config(path: str, data: bytes) -> Config | None:
    """Read a file as a start, a check and `procmanctl config` do: it is good, or each reason can be printed."""
    with open(path, "wb") as file:
        file.write(data)
    loaded = read(path, places=True)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for problem in loaded.problems:
        said = str(problem)
        assert said.encode("utf-8", "surrogateescape").count(b"\n") == 0, said
        assert problem.line is None or problem.file != path or 1 <= problem.line <= lines, said
    try:
        config = load(path)
    except ConfigError as error:
        refused = error
    else:
        return _used(config, loaded.config)
    assert loaded.config is None
    assert str(refused)
    assert any(problem.severity == "error" for problem in refused.problems)
    return None


def _used(config: Config, checked: Config | None) -> Config:
    """Use everything that is derived from a good configuration."""
    assert config == checked
    assert os.path.isabs(config.file)
    stop_plan(config)
    settings.of_master(config)
    for group in config.groups:
        settings.of_group(config, group)
        for program in group.programs:
            settings.of_process(config, program)
    return config


def listen(chunks: Iterable[bytes]) -> list[Heard]:
    """A listener's output in these pieces: it gets an event whenever it is READY, and a result of OK is accepted."""
    conversation = Conversation()
    return [heard for chunk in chunks for heard in _heard(conversation, chunk)]


def _heard(conversation: Conversation, chunk: bytes) -> Iterator[Heard]:
    conversation.feed(chunk)
    while (heard := conversation.next()) is not None:
        yield heard
        if isinstance(heard, Result):
            assert len(heard.data) <= MAX_RESULT
            yield conversation.judged(understood=heard.data == b"OK")
        elif isinstance(heard, BadLine):
            assert len(heard.line) <= MAX_LINE
            yield conversation.judged(understood=False)
        elif heard.after is ListenerState.READY:
            conversation.sent()
    assert len(conversation._buffer) <= max(MAX_LINE, MAX_RESULT) + len(chunk)

"""Signals, by name or number."""

import signal

from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import closest


def _parse_signal(text: str) -> signal.Signals:
    word = text.strip().upper()
    try:
        return signal.Signals(int(text))
    except ValueError:
        if word.removeprefix("-").isdecimal():
            raise
    try:
        return signal.Signals[word if word.startswith("SIG") else f"SIG{word}"]
    except KeyError:
        names = {member.name.removeprefix("SIG") for member in signal.Signals}
        meant = closest(word.removeprefix("SIG"), sorted(names))
        hint = f"; did you mean {'SIG' if word.startswith('SIG') else ''}{meant}?" if meant else ""
        raise Unfit(f"expected {SIGNAL.expected}{hint}") from None


SIGNAL: Kind[signal.Signals] = Kind(
    name="signal",
    expected="a name such as TERM or SIGQUIT, or a number",
    slug="bad-signal",
    parse=_parse_signal,
    accept=lambda value: _parse_signal(str(accept_int(value)) if isinstance(value, int) else accept_text(value)),
    schema={"type": ["string", "integer"]},
    show=lambda value: value.name.removeprefix("SIG"),
)

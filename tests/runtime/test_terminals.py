"""What is shown of the past of a terminal."""

import pytest

from procman.runtime.terminals import without_questions


@pytest.mark.parametrize(
    "question",
    [
        b"\x1b[c",
        b"\x1b[>0c",
        b"\x1b[=c",
        b"\x1bZ",
        b"\x05",
        b"\x1b[6n",
        b"\x1b[?6n",
        b"\x1b[?2026$p",
        b"\x1b[>q",
        b"\x1b[?u",
        b"\x1b[?4m",
        b"\x1b[18t",
        b"\x1b]11;?\x07",
        b"\x1b]4;1;?\x1b\\",
        b"\x1b]52;c;?\x07",
        b"\x1bP+q544e\x1b\\",
        b"\x1bP$qm\x1b\\",
    ],
)
def test_a_terminal_is_not_asked_again(question):
    """Its answer would be typed into the program."""
    assert without_questions(b"one " + question + b"two") == b"one two"


@pytest.mark.parametrize(
    "text",
    [
        b"plain n c x\r\n",
        "gr\u00fcn \u2713".encode(),
        b"\x1b[1;31mred\x1b[0m",
        b"\x1b[2J\x1b[H\x1b[10;20H\x1b[K",
        b"\x1b[?1049h\x1b[?25l\x1b[?2004h",
        b"\x1b[>4;2m\x1b[22;0;0t\x1b[23;0;0t\x1b[>1u",
        b"\x1b[2 q\x1b(B\x1b=\x1b7\x1b8",
        b"\x1b]0;a title; is it?\x07\x1b]8;;http://x/?a=1\x1b\\link\x1b]8;;\x1b\\",
        b"\x1b[",
    ],
)
def test_what_it_shows_and_how_it_is_set_stays(text):
    """Colours, places, modes, titles and links; and what goes on after this part."""
    assert without_questions(text) == text

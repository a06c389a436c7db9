"""The last lines of a program's output in a crash report: bounded, harmless, and without the secrets that are known."""

from procman.services.crash_reports.last_lines import LINE_CHARACTERS, LINES, last_lines, secrets_of


def test_the_last_lines_are_kept():
    """Fifty at most, the latest last; the last one may lack its end."""
    raw = b"".join(b"line %d\n" % number for number in range(100)) + b"unfinished"
    lines = last_lines(raw, len(raw))
    assert (len(lines), lines[0], lines[-1]) == (LINES, "line 51", "unfinished")
    assert last_lines(b"", 0) == []
    assert last_lines(b"\n\nx\n", 4) == ["", "", "x"]


def test_a_line_without_its_beginning_is_left_out():
    """Only the end of the output is kept, and it rarely begins with a line."""
    assert last_lines(b"rest\nwhole\n", 5000) == ["whole"]


def test_of_one_huge_line_the_end_is_shown():
    """A line of a megabyte is all that there is."""
    (line,) = last_lines(b"x" * 16_000 + b"END\n", 1 << 20)
    assert line.startswith("…x")
    assert line.endswith("END")
    assert len(line) == LINE_CHARACTERS
    (line,) = last_lines(b"BEGIN" + b"x" * 5000, 5005)
    assert line.startswith("BEGIN")
    assert line.endswith("…")


def test_nothing_in_it_acts_on_a_terminal():
    """Colours are dropped, other controls and marks of direction are spelt out, and so is what is not UTF-8."""
    raw = "\x1b[31mred\x1b[0m \x07 tab\t \u202e\x1b]0;title\r\n".encode() + b"\xff\xfe\n"
    assert last_lines(raw, len(raw)) == ["red \\x07 tab\t \\u202e\\x1b]0;title", "\\xff\\xfe"]


def test_known_secrets_are_masked():
    """Also each line of one that has several; a short value is in any text, and is none."""
    secrets = secrets_of(["hunter2secret", "-----BEGIN\nMIIEvQIBADAN\n-----END", "abc"])
    raw = b"password hunter2secret\nMIIEvQIBADAN\nabc\n"
    assert last_lines(raw, len(raw), secrets) == ["password ********", "********", "abc"]


def test_the_rest_of_a_secret_at_the_cut_is_left_out():
    """What is kept may begin in the middle of one."""
    (line,) = last_lines(b"r2secret and more", 5000, ["hunter2secret"])
    assert "r2secret" not in line

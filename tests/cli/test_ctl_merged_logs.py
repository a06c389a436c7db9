"""logs: several programs as one, with whole lines, names in front, and a filter; and rotation by hand."""

import json

from tests.support.fake_master import Refusal, Stream

QUERY = "/v1/logs?lines=10"


def line(name, text, channel="stdout", missed=0):
    return json.dumps({"name": name, "channel": channel, "time": 1.0, "data": text, "missed": missed}).encode() + b"\n"


def test_lines_are_whole_and_have_their_names_in_front(ctl, master):
    """A piece may end within a line: another program's line is never put into it."""
    pieces = [
        line("web", ""),
        line("db", ""),
        line("web", "one\ntw"),
        line("db", "first\n"),
        line("web", "o\n"),
        line("db", "rest"),
    ]
    master.answers["GET", QUERY] = Stream(b"".join(pieces))
    assert ctl("logs").out == b"web | one\ndb  | first\nweb | two\ndb  | rest\n"


def test_bytes_survive_a_pipe(ctl, master):
    """What is no UTF-8 is printed as it came."""
    master.answers["GET", QUERY] = Stream(line("web", b"caf\xe9\x1b[31m\n".decode("utf-8", "surrogateescape")))
    assert ctl("logs").out == b"web | caf\xe9\x1b[31m\n"


def test_grep_shows_lines_with_that_text(ctl, master):
    """The text stands for itself, and for no pattern."""
    master.answers["GET", QUERY] = Stream(
        line("web", "") + line("db", "") + line("web", "a.b\naxb\n") + line("db", "a.b")
    )
    assert ctl("logs", "--grep", "a.b").out == b"web | a.b\ndb  | a.b\n"
    master.answers["GET", QUERY] = Stream(line("web", "a.b\naxb\n"))
    shown = json.loads(ctl("logs", "--json", "--grep=a.b").out)
    assert (shown["name"], shown["data"]) == ("web", "a.b\n")


def test_grep_takes_a_text_with_blanks(ctl, master):
    """As a shell has passed it on; names may come after a double dash."""
    master.answers["GET", f"{QUERY}&name=web"] = Stream(line("web", "a b\na\nb\n"))
    assert ctl("logs", "--grep", "a b", "web").out == b"web | a b\n"
    master.answers["GET", f"{QUERY}&name=web"] = Stream(line("web", "a b\na\nb\n"))
    assert ctl("logs", "--grep=a b", "--", "web").out == b"web | a b\n"


def test_what_was_missed_is_said(ctl, master):
    """A client that does not read loses lines, and is told so."""
    master.answers["GET", QUERY] = Stream(line("web", "x\n", missed=7))
    assert ctl("logs").out == b"web | [procman: 7 bytes were not read in time]\nweb | x\n"


def test_words_become_a_query(ctl, master):
    """Names, channel, number of lines, and a moment in seconds since the epoch."""
    master.answers["GET", "/v1/logs?lines=5&since=1700000000.0&channel=stderr&name=web,a:*&follow=1"] = Stream(b"")
    ran = ctl("logs", "-f", "-n", "5", "--since", "1700000000", "--channel=stderr", "web", "a:*")
    assert (ran.out, ran.status) == (b"", 0)


def test_words_that_mean_nothing_are_refused(ctl):
    """With exit status 2 and the help."""
    for words in (["-n", "x"], ["--since", "soon"], ["--grep"]):
        ran = ctl("logs", *words)
        assert ran.status == 2
        assert "logs --grep TEXT" in ran.text


def test_a_program_that_is_not_there(ctl, master):
    """Is said by the master."""
    master.answers["GET", f"{QUERY}&name=nope"] = Refusal(404, "BAD_NAME", "no such process or group: nope")
    ran = ctl("logs", "nope")
    assert (ran.text.splitlines()[0], ran.status) == ("ERROR (no such process or group: nope)", 1)


def test_rotation_by_hand(ctl, master):
    """Of all, or of some; what has no log file is named with its status."""

    def result(name, status, description="OK"):
        return {"name": name, "group": name, "status": status, "description": description}

    master.answers["POST", "/v1/processes/all/rotate"] = {"results": [result("web", "SUCCESS")]}
    assert ctl("logs", "rotate").text == "web: rotated\n"
    failed = [result("web", "FAILED", "cannot rotate log /x: Permission denied"), result("db", "NO_FILE")]
    master.answers["POST", "/v1/processes/reopen"] = {"results": failed}
    ran = ctl("logs", "reopen", "web", "db")
    assert ran.text == (
        "web: ERROR (failed: cannot rotate log /x: Permission denied)\ndb: ERROR (no log file that is open)\n"
    )
    assert ran.status == 1

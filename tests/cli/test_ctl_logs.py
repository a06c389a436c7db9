"""tail, maintail and fg: log bytes are printed unchanged, and streams end quietly."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.support.fake_master import Refusal, Stream, process


def test_tail_is_the_last_1600_bytes_and_a_newline(ctl, master):
    """As in supervisorctl, a newline follows even if the log ends in one."""
    master.answers["GET", "/v1/processes/web/log/stdout?tail=1600"] = b"hello\n"
    ran = ctl("tail", "web")
    assert (ran.out, ran.status) == (b"hello\n\n", 0)


def test_tail_takes_a_number_of_bytes_and_a_channel(ctl, master):
    """-N and stderr are accepted, in upper or lower case."""
    master.answers["GET", "/v1/processes/site:a/log/stderr?tail=3"] = b"abc"
    assert ctl("tail", "-3", "site:a", "STDERR").out == b"abc\n"


def test_tail_0_is_all_of_it(ctl, master):
    """Supervisor reads the offset -0 as the whole log."""
    master.answers["GET", "/v1/processes/web/log/stdout?offset=0&length=0"] = b"everything"
    assert ctl("tail", "-0", "web").out == b"everything\n"


def test_log_bytes_that_are_no_text_survive(ctl, master):
    """A pipe gets the same bytes; JSON has lone surrogates, which decode to them."""
    data = b"caf\xe9 \x1b[31m \x00\n"
    master.answers["GET", "/v1/processes/web/log/stdout?tail=1600"] = data
    assert ctl("tail", "web").out == data + b"\n"
    document = json.loads(ctl("tail", "--json", "web").out)
    assert document["data"].encode("utf-8", "surrogateescape") == data


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("NO_FILE", "no log file"),
        ("FAILED", "unknown error reading log: cannot read log /x: I/O error"),
        ("BAD_NAME", "no such process name"),
    ],
)
def test_a_log_that_cannot_be_shown_has_supervisorctls_words(ctl, master, code, text):
    """A failure has its reason; the exit status is 1, with or without -f."""
    for query in ("tail=1600", "follow=1"):
        refusal = Refusal(404, code, "cannot read log /x: I/O error")
        master.answers["GET", f"/v1/processes/web/log/stdout?{query}"] = refusal
        master.answers["GET", f"/v1/log?{query}"] = refusal
    ran = ctl("tail", "web")
    assert (ran.text, ran.status) == (f"web: ERROR ({text})\n", 1)
    ran = ctl("tail", "-f", "web")
    assert (ran.text, ran.status) == (f"==> Press Ctrl-C to exit <==\nweb: ERROR ({text})\n", 1)
    assert ctl("maintail").text == f"supervisord: ERROR ({text})\n"


@pytest.mark.parametrize("stdout", [b"", Refusal(404, "NO_FILE")])
def test_tail_of_an_empty_stdout_points_to_stderr(ctl, master, stdout):
    """If stderr has output, a hint is printed on stderr; stdout stays supervisorctl's."""
    for query in ("tail=1600", "tail=1"):
        master.answers["GET", f"/v1/processes/web/log/stdout?{query}"] = stdout
    master.answers["GET", "/v1/processes/web/log/stdout?follow=1"] = Stream(b"later")
    master.answers["GET", "/v1/processes/web/log/stderr?tail=1"] = b"x"
    hint = "web has written only to stderr: procmanctl tail web stderr\n"
    ran = ctl("tail", "web")
    assert (ran.text, ran.err) == ("\n" if stdout == b"" else "web: ERROR (no log file)\n", hint)
    ran = ctl("tail", "-f", "web")
    assert (ran.text, ran.err) == ("==> Press Ctrl-C to exit <==\nlater", hint)
    assert ctl("tail", "--json", "web").err == ""
    master.answers["GET", "/v1/processes/web/log/stderr?tail=1"] = b""
    assert ctl("tail", "web").err == ctl("tail", "-f", "web").err == ""


def test_tail_of_a_log_with_something_in_it_points_nowhere(ctl, master):
    """A log of stderr or of the master has no hint either."""
    for path in ("processes/web/log/stdout", "processes/web/log/stderr", "log"):
        master.answers["GET", f"/v1/{path}?tail=1600"] = b"" if path != "processes/web/log/stdout" else b"text"
    master.answers["GET", "/v1/processes/web/log/stderr?tail=1"] = b"x"
    for words in (["tail", "web"], ["tail", "web", "stderr"], ["maintail"]):
        assert ctl(*words).err == ""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tail"], "Error: too few arguments"),
        (["tail", "a", "b", "c", "d"], "Error: too many arguments"),
        (["tail", "-f", "-5", "a", "stderr", "x"], "Error: too many arguments"),
        (["tail", "-f"], "Error: tail requires process name"),
        (["tail", "web", "bogus"], "Error: bad channel 'bogus'"),
        (["tail", "-x", "web"], "Error: bad argument -x"),
        (["maintail", "-f", "x"], "Error: too many arguments"),
        (["maintail", "-1", "-2"], "Error: too many arguments"),
        (["maintail", "x"], "Error: bad argument x"),
        (["maintail", "-x"], "Error: bad argument -x"),
    ],
)
def test_bad_arguments_have_supervisorctls_words(ctl, words, text):
    """The exit status is 1."""
    ran = ctl(*words)
    assert (ran.text.splitlines()[0], ran.status) == (text, 1)


def test_a_followed_log_comes_out_as_it_grows_until_the_master_ends_it(ctl, master):
    """The exit status is 0, as if the user ended it."""
    master.answers["GET", "/v1/processes/web/log/stdout?follow=1"] = Stream(b"one\n", b"tw", b"o\n")
    ran = ctl("tail", "-f", "web")
    assert (ran.out, ran.status) == (b"==> Press Ctrl-C to exit <==\none\ntwo\n", 0)


def test_a_followed_log_may_begin_earlier(ctl, master):
    """-f and -N may be combined in either order, unlike in supervisorctl."""
    master.answers["GET", "/v1/log?follow=1&tail=9"] = Stream(b"x")
    assert ctl("maintail", "-f", "-9").status == 0
    assert ctl("maintail", "-9", "-f").status == 0


def test_json_of_a_stream_is_an_object_a_line(ctl, master):
    """Each object has what has just arrived."""
    master.answers["GET", "/v1/processes/web/log/stdout?follow=1"] = Stream(b"one\n", b"two\n")
    objects = [json.loads(line) for line in ctl("--json", "tail", "-f", "web").text.splitlines()]
    assert "".join(item["data"] for item in objects) == "one\ntwo\n"
    assert {item["name"] for item in objects} == {"web"}


def test_a_master_that_dies_under_a_followed_log_is_an_error(ctl, master):
    """The output so far is shown, then the reason."""
    master.answers["GET", "/v1/log?follow=1"] = Stream(b"last words\n", cut=True)
    ran = ctl("maintail", "-f")
    assert ran.text.splitlines()[1:] == [
        "last words",
        f"cannot reach procman at {master.path}: the connection was lost",
    ]
    assert ran.status == 1


@pytest.fixture
def following(master):
    """`tail -f` in a separate process, which has shown the first line of a log; `more` releases the second."""
    more = threading.Event()
    master.answers["GET", "/v1/processes/web/log/stdout?follow=1"] = Stream(b"one\n", b"two\n", between=more.wait)
    words = [sys.executable, "-m", "procman.cli.procmanctl", "-s", master.url, "tail", "-f", "web"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as running:
        running.more = more
        assert running.stdout.readline() == b"==> Press Ctrl-C to exit <==\n"
        assert running.stdout.readline() == b"one\n"
        yield running
        more.set()


def test_ctrl_c_ends_a_followed_log_with_status_0(following):
    """Ctrl-C is the usual way to end it, and no error."""
    following.send_signal(signal.SIGINT)
    out, err = following.communicate()
    assert (following.returncode, out, err) == (0, b"\n", b"")


def test_a_reader_that_has_gone_is_no_traceback(following):
    """`procmanctl tail -f web | head -1` exits with the status of SIGPIPE, as other tools do."""
    following.stdout.close()
    following.more.set()
    assert following.wait() == 141
    assert following.stderr.read() == b""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["fg"], "ERROR: no process name supplied"),
        (["fg", "a", "b"], "ERROR: too many process names supplied"),
        (["fg", "nope"], "ERROR: bad process name supplied"),
        (["fg", "cron"], "ERROR: process not running"),
    ],
)
def test_fg_needs_one_running_program(ctl, words, text):
    """The words are supervisorctl's."""
    ran = ctl(*words)
    assert (ran.text.splitlines()[0], ran.status) == (text, 1)


def test_fg_sends_lines_and_shows_output_until_the_program_ends(ctl, master, monkeypatch):
    """Lines are sent with their newline; the end of the program is reported."""
    typed = iter(["hello", "bye"])
    monkeypatch.setattr("builtins.input", lambda: next(typed))
    master.answers["GET", "/v1/processes/web/log/stdout?follow=1"] = Stream(b"")
    master.answers["POST", "/v1/processes/web/stdin"] = lambda body: master.show(process("web", "EXITED")) or {}
    ran = ctl("fg", "web")
    assert master.bodies("/v1/processes/web/stdin") == [b"hello\n"]
    assert ran.text == "==> Press Ctrl-C to exit <==\nProcess got killed\nExiting foreground\n"
    assert ran.status == 0


def test_fg_ends_with_the_input(ctl, master, monkeypatch):
    """The end of the input ends fg like Ctrl-C."""

    def end():
        raise EOFError

    monkeypatch.setattr("builtins.input", end)
    assert ctl("fg", "web").text == "==> Press Ctrl-C to exit <==\nExiting foreground\n"

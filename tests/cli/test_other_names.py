"""What people type from other tools is done, or is answered with what to type."""

import json

import pytest
import yaml

from tests.support.fake_master import Refusal, Stream, process, result


@pytest.mark.parametrize("word", ["ps", "ls", "list"])
def test_names_of_other_tools_show_the_status(ctl, word):
    """They take the same names and flags, and have the same exit status."""
    assert ctl(word, "web") == ctl("status", "web")
    assert ctl(word, "--json").out == ctl("status", "--json").out


@pytest.mark.parametrize("word", ["describe", "show", "info"])
def test_describe_is_the_long_status(ctl, master, word):
    """It names one process, or several, and shows what each uses."""
    master.answers["GET", "/v1/figures"] = {"figures": []}
    assert ctl(word, "web").text == ctl("status", "--long", "web").text


def test_describe_says_where_the_logs_of_a_process_are(ctl, master):
    """The paths, of which the file may say AUTO; in the table of several there would be too many."""
    master.answers["GET", "/v1/figures"] = {"figures": []}
    logs = {"stdout_logfile": "/tmp/web-stdout---a.log", "stderr_logfile": "/tmp/web-stderr---b.log"}
    master.show({**process("web"), **logs}, process("cron"))
    assert (
        "\nweb: logs: stdout in /tmp/web-stdout---a.log, stderr in /tmp/web-stderr---b.log\n"
        in ctl("describe", "web").text
    )
    assert "logs:" not in ctl("describe").text
    master.show({**process("web"), **logs, "redirect_stderr": True})
    assert "\nweb: logs: stdout in /tmp/web-stdout---a.log\n" in ctl("describe", "web").text


@pytest.mark.parametrize(("word", "operation"), [("up", "start"), ("down", "stop")])
def test_up_and_down_start_and_stop(ctl, master, word, operation):
    """They need a name, as start and stop do."""
    master.results(operation, result("web"))
    assert ctl(word, "web").status == 0
    assert master.requests[-1][:2] == ("POST", f"/v1/processes/{operation}")
    assert f"Error: {operation} requires a process name" in ctl(word).text


@pytest.mark.parametrize("word", ["enable", "disable"])
def test_enable_is_explained(ctl, word):
    """There is no such command: what is started with the master stands in the file."""
    ran = ctl(word, "web")
    assert (ran.text, ran.status) == (f"*** Unknown syntax: {word} web\n", 1)
    assert "its option autostart in the file; `update` applies a change" in ran.err


def test_help_knows_the_other_names(ctl):
    """It says whose other name it is, and shows the help of that."""
    ran = ctl("help", "ps")
    assert ran.text.startswith("ps\tThe same as status\n\nstatus <name>\t")
    assert ran.err == ""
    assert ctl("ls", "--help").text == ctl("status", "--help").text


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("kill web", "TERM"),
        ("kill -HUP web", "HUP"),
        ("kill -9 web", "9"),
        ("kill -s USR1 web", "USR1"),
        ("kill HUP web", "HUP"),
        ("kill -SIGINT web", "SIGINT"),
    ],
)
def test_kill_sends_a_signal(ctl, master, line, name):
    """The signal is written in each of the ways that kill(1) has."""
    master.results("signal", result("web"))
    ran = ctl(*line.split())
    assert (ran.text, ran.status) == ("web: signalled\n", 0)
    assert master.requests[-1] == ("POST", "/v1/processes/signal", {"signal": name, "names": ["web"]})


@pytest.mark.parametrize("line", ["kill", "kill -9", "kill -s HUP"])
def test_kill_without_a_name_sends_nothing(ctl, master, line):
    """The usage is shown, with exit status 2."""
    ran = ctl(*line.split())
    assert ran.status == 2
    assert ran.text.startswith("Error: kill requires a process name\n")
    assert all(method == "GET" for method, *_ in master.requests)


def test_is_running_answers_by_its_exit_status(ctl):
    """0 if all are RUNNING, 3 if one is not, 4 for an unknown name; without a name nothing is asked."""
    assert (ctl("is-running", "web").text, ctl("is-running", "web").status) == ("RUNNING\n", 0)
    ran = ctl("is-running", "web", "cron")
    assert (ran.text, ran.status) == ("RUNNING\nSTOPPED\n", 3)
    assert ctl("is-running", "cron", "nope").status == 4
    assert ctl("is-running").status == 2


def test_the_output_of_status_is_chosen(ctl, master):
    """Names alone are for scripts; json and yaml have the same content."""
    ran = ctl("status", "-o", "name")
    assert (ran.text, ran.status) == ("cron\nweb\n", 3)
    document = json.loads(ctl("status", "-o", "json").out)
    assert document == json.loads(ctl("status", "--json").out)
    assert yaml.safe_load(ctl("status", "--output=yaml").out) == document
    master.answers["GET", "/v1/figures"] = {"figures": []}
    assert ctl("status", "-o", "wide").text == ctl("status", "--wide").text == ctl("status", "--long").text


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("status -o jsn", "-o is one of name, json, yaml, wide, and not 'jsn'; did you mean json?"),
        ("status -o", "-o is one of name, json, yaml, wide, and not ''"),
        ("status --color=yes", "--color is one of auto, always, never, and not 'yes'"),
    ],
)
def test_an_unknown_output_is_refused(ctl, line, complaint):
    """The error lists what there is."""
    ran = ctl(*line.split())
    assert (ran.text, ran.status) == (f"Error: {complaint}\n", 2)


def test_colours_may_be_asked_for(ctl):
    """Off a terminal there are none unless they are asked for."""
    assert "\x1b[32mRUNNING" in ctl("status", "--color", "always").text
    assert ctl("status", "--colour=never").text == ctl("status").text


def test_status_may_be_watched(ctl, master):
    """Off a terminal the table comes first, and then a line for each process that has changed or gone."""

    def message(kind, **content):
        return f"event: {kind}\ndata: {json.dumps(content)}\n\n".encode()

    whole = message("snapshot", processes=[process("web"), process("cron")])
    change = message("change", processes=[process("web")], gone=["old"])
    # The second message comes in two pieces.
    master.answers["GET", "/v1/events"] = Stream(whole, change[:30], change[30:])
    lines = ctl("status", "--watch").text.splitlines()
    assert [line.split()[0] for line in lines] == ["cron", "web", "web", "old:"]
    documents = [json.loads(line) for line in ctl("status", "-w", "--json").text.splitlines()]
    assert [(len(each["processes"]), each["gone"]) for each in documents] == [(2, []), (1, ["old"])]


def test_tail_counts_lines_if_asked(ctl, master):
    """`-n 2` shows the last two lines, whatever their length; -F and --follow are -f."""
    log = b"one\n" + b"2" * 5000 + b"\nthree\n"
    path = "/v1/processes/web/log/stdout"
    for count in (1600, 12800):
        master.answers["GET", f"{path}?tail={count}"] = log[-count:]
    master.answers["GET", f"{path}?tail=5007"] = log[-5007:]
    assert ctl("tail", "-n", "2", "web").text == "2" * 5000 + "\nthree\n\n"
    master.answers["GET", f"{path}?tail=6"] = log[-6:]
    assert ctl("tail", "--lines=1", "web").text == "three\n\n"
    for flag in ("-F", "--follow"):
        master.answers["GET", f"{path}?follow=1&tail=6"] = Stream(log[-6:])
        master.answers["GET", f"{path}?tail=1"] = b"\n"
        assert ctl("tail", flag, "-n", "1", "web").text == "==> Press Ctrl-C to exit <==\nthree\n"
    assert ctl("tail", "-n", "x", "web").text.startswith("Error: -n requires a number of lines\n")


def test_tail_of_several_names_leads_to_logs(ctl):
    """Supervisorctl takes the second name for a channel."""
    ran = ctl("tail", "web", "cron")
    assert (ran.text, ran.err) == ("Error: bad channel 'cron'\n", "did you mean logs web cron?\n")
    assert ctl("tail", "web", "cron:*").err == "did you mean logs web cron:*?\n"
    assert ctl("tail", "-f", "-n", "5", "web", "cron").err == "did you mean logs -f -n 5 web cron?\n"
    assert ctl("tail", "-F", "web", "cron", "web").err == "did you mean logs -f web cron web?\n"
    assert ctl("tail", "web", "nope").err == ""


def test_graph_and_health_guess_a_name_too(ctl, master):
    """As every command does that takes names."""
    master.answers["GET", "/v1/graph"] = {"processes": []}
    ran = ctl("graph", "wbe")
    assert (ran.text, ran.err, ran.status) == ("wbe: ERROR (no such process)\n", "did you mean web?\n", 1)
    master.answers["GET", "/v1/health/checks?name=wbe"] = Refusal(404, "BAD_NAME", "no such process or group: wbe")
    assert ctl("health", "wbe").err == "did you mean web?\n"


def test_graph_takes_groups(ctl, master):
    """GROUP:* and all are as everywhere."""
    fields = {"statename": "RUNNING", "phase": "", "edges": [], "needed_by": []}
    master.answers["GET", "/v1/graph"] = {
        "processes": [{"namespec": name, **fields} for name in ("site:a", "site:b", "web")]
    }
    for words, count in ((["site:*"], 2), (["all"], 3), (["web", "site:b"], 2)):
        assert len(json.loads(ctl("graph", *words, "--json").out)["processes"]) == count


def graph_node(name, statename="RUNNING", phase="", *, took=None, uptime=0, edges=()):
    """One process of /v1/graph; an edge is its target, condition and processes, and whether it holds."""
    made = [
        {"target": target, "condition": condition, "optional": False, "processes": processes, "holds": holds}
        for target, condition, processes, holds in edges
    ]
    return {
        "namespec": name,
        "statename": statename,
        "phase": phase,
        "took": took,
        "uptime": uptime,
        "edges": made,
        "needed_by": [],
    }


def test_graph_tells_how_long_each_took_to_be_ready(ctl, master):
    """Of several processes that of the slowest; of what is on its way, how long it is that by now."""
    master.answers["GET", "/v1/graph"] = {
        "processes": [
            graph_node("db", took=2.06, uptime=62),
            graph_node("w:0", took=0.3, uptime=60),
            graph_node("w:1", took=75.2, uptime=60),
            graph_node("adopted", uptime=7),
            graph_node("seed", "EXITED", "done", took=3.0),
            graph_node("migrate", uptime=12),
            graph_node("cache", took=0.01, uptime=5),
            graph_node("slow", "STARTING", "unready", uptime=9),
            graph_node(
                "web",
                "STARTING",
                "waiting",
                edges=[
                    ("db", "ready", ["db"], True),
                    ("w", "ready", ["w:0", "w:1"], True),
                    ("adopted", "ready", ["adopted"], True),
                    ("seed", "done", ["seed"], True),
                    ("migrate", "done", ["migrate"], False),
                    ("cache", "ready", ["cache"], True),
                    ("slow", "ready", ["slow"], False),
                    ("mixed", "ready", ["db", "slow"], False),
                ],
            ),
        ]
    }
    assert ctl("graph").text == (
        "web  STARTING (waiting)\n"
        "├─ db@ready       RUNNING  ready after 2.1 s\n"
        "├─ w@ready        2 RUNNING  ready after 1 m 15 s\n"
        "├─ adopted@ready  RUNNING  for 7 s\n"
        "├─ seed@done      EXITED (done)  took 3.0 s\n"
        "├─ migrate@done   RUNNING  for 12 s  <- waited for\n"
        "├─ cache@ready    RUNNING  ready at once\n"
        "├─ slow@ready     STARTING (unready)  for 9 s  <- waited for\n"
        "└─ mixed@ready    1 RUNNING, 1 STARTING (unready)  <- waited for\n"
    )
    assert ctl("graph", "db").text == "db  RUNNING  ready after 2.1 s\n"

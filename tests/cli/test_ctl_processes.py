"""status, start, stop, restart, signal, clear and pid print and exit as supervisorctl does."""

import json

from tests.support.fake_master import Refusal, process, result


def test_status_is_supervisorctls_table_byte_for_byte(ctl, master):
    """Names fill 33 columns, states 10; one program that is not running makes the exit status 3."""
    ran = ctl("status")
    assert ran.text == (
        "cron                             STOPPED   Not started\n"
        "web                              RUNNING   pid 103, uptime 0:01:02\n"
    )
    assert ran.status == 3


def test_status_makes_room_for_a_long_name(ctl, master):
    """Three blanks follow the longest name."""
    master.show(process("w" * 40), process("a"))
    assert ctl("status").text == (
        f"{'w' * 40}   RUNNING   pid 140, uptime 0:01:02\n{'a':<43}RUNNING   pid 101, uptime 0:01:02\n"
    )


def test_status_of_what_runs_exits_0(ctl):
    """Only the processes that were asked for count."""
    assert ctl("status", "web").status == 0


def test_status_takes_groups_names_and_all(ctl, master):
    """GROUP:*, GROUP: and GROUP:NAME work as in supervisorctl; the name of a group alone is not a process."""
    master.show(process("a", group="site"), process("b", group="site"), process("web"))
    assert [line.split()[0] for line in ctl("status", "site:*").text.splitlines()] == ["site:a", "site:b"]
    assert [line.split()[0] for line in ctl("status", "site:").text.splitlines()] == ["site:a", "site:b"]
    assert [line.split()[0] for line in ctl("status", "web", "site:b").text.splitlines()] == ["web", "site:b"]
    assert len(ctl("status", "nope", "all").text.splitlines()) == 3
    assert ctl("status", "site").text == "site: ERROR (no such process)\n"


def test_status_of_unknown_names_says_so_first_and_exits_4(ctl):
    """The errors precede the table, as in supervisorctl."""
    ran = ctl("status", "web", "nope", "nogroup:*")
    assert ran.text == (
        "nope: ERROR (no such process)\n"
        "nogroup: ERROR (no such group)\n"
        "web                              RUNNING   pid 103, uptime 0:01:02\n"
    )
    assert ran.status == 4


def test_a_stopped_program_beats_an_unknown_name_in_the_exit_status_of_status(ctl):
    """The status for stopped programs is set last."""
    assert ctl("status", "cron", "nope").status == 3


def test_status_lets_the_master_match_a_pattern(ctl, master):
    """The master decides what a pattern matches."""
    master.answers["GET", "/v1/processes/w*"] = {"processes": [process("web")]}
    assert ctl("status", "w*").text.startswith("web ")
    assert ctl("status", "x*").text == "x*: ERROR (no such process)\n"


def test_several_names_are_started_by_one_request(ctl, master):
    """The results are printed in the order of the names."""
    master.results("start", result("web"), result("site:a"))
    ran = ctl("start", "web", "site:a")
    assert ran.text == "web: started\nsite:a: started\n"
    assert ran.status == 0
    assert master.requests == [("POST", "/v1/processes/start", {"names": ["web", "site:a"]})]


def test_start_all_is_asked_for_by_that_name(ctl, master):
    """`all` includes every other name."""
    master.results("start", result("web"), result("cron"), names="all")
    assert ctl("start", "web", "all").text == "web: started\ncron: started\n"


def test_each_way_a_start_fails_has_its_words_and_its_status(ctl, master):
    """The texts and exit statuses are supervisorctl's."""
    expected = {
        "BAD_NAME": ("web: ERROR (no such process)", 1),
        "NO_FILE": ("web: ERROR (no such file)", 1),
        "NOT_EXECUTABLE": ("web: ERROR (file is not executable)", 1),
        "ALREADY_STARTED": ("web: ERROR (already started)", 0),
        "SPAWN_ERROR": ("web: ERROR (spawn error)", 7),
        "ABNORMAL_TERMINATION": ("web: ERROR (abnormal termination)", 7),
    }
    for code, (text, status) in expected.items():
        master.results("start", result("web", code))
        ran = ctl("start", "web")
        assert (ran.text, ran.status) == (text + "\n", status)


def test_a_retry_of_what_needs_none_says_so(ctl, master):
    """A pattern gets no result for what is up, and a command that says nothing looks as if it had not worked."""
    master.results("retry")
    ran = ctl("retry", "web*")
    assert (ran.text, ran.status) == ("nothing to retry: none of them waits for its next try, or was given up\n", 0)


def test_an_unknown_group_is_bad_usage_to_start_and_an_error_to_stop(ctl, master):
    """The exit statuses are 2 and 1, a difference that scripts may rely on."""
    for operation, status in (("start", 2), ("stop", 1), ("signal", 1)):
        master.results(operation, result("nope:*", "BAD_NAME"))
        words = ["HUP", "nope:*"] if operation == "signal" else ["nope:*"]
        ran = ctl(operation, *words)
        assert (ran.text, ran.status) == ("nope: ERROR (no such group)\n", status)


def test_the_last_failure_sets_the_exit_status(ctl, master):
    """A later success does not change it."""
    master.results("start", result("a", "SPAWN_ERROR"), result("b", "BAD_NAME"), result("c"))
    assert ctl("start", "a", "b", "c").status == 1


def test_stopping_what_is_stopped_is_said_and_forgiven(ctl, master):
    """The exit status is 0, as in supervisorctl."""
    master.results("stop", result("web"), result("cron", "NOT_RUNNING"))
    ran = ctl("stop", "web", "cron")
    assert (ran.text, ran.status) == ("web: stopped\ncron: ERROR (not running)\n", 0)


def test_restart_stops_all_then_starts_all(ctl, master):
    """Both results are printed in that order; a program that was not running is started too."""
    master.results("stop", result("web"), result("cron", "NOT_RUNNING"))
    master.results("start", result("web"), result("cron"))
    ran = ctl("restart", "web", "cron")
    assert ran.text == "web: stopped\ncron: ERROR (not running)\nweb: started\ncron: started\n"
    assert ran.status == 0


def test_a_signal_to_what_is_not_running_exits_7(ctl, master):
    """NOT_RUNNING is an error for signal."""
    master.results("signal", result("web"), result("cron", "NOT_RUNNING"))
    ran = ctl("signal", "HUP", "web", "cron")
    assert (ran.text, ran.status) == ("web: signalled\ncron: ERROR (not running)\n", 7)
    assert master.bodies("/v1/processes/signal") == [{"names": ["web", "cron"], "signal": "HUP"}]


def test_a_bad_signal_is_said_for_each_name(ctl, master):
    """It is reported for each name even if the master refuses the whole request."""
    master.answers["POST", "/v1/processes/signal"] = Refusal(400, "BAD_SIGNAL", "cannot send 'FOO'")
    ran = ctl("signal", "FOO", "web", "site:a")
    assert ran.text == "web: ERROR (bad signal name)\nsite:a: ERROR (bad signal name)\n"
    assert ran.status == 1


def test_clear_says_cleared(ctl, master):
    """A failure is reported with its reason."""
    master.results("clear", result("web"), result("nope", "BAD_NAME"), result("cron", "FAILED", "cannot clear"))
    ran = ctl("clear", "web", "nope", "cron")
    assert ran.text == "web: cleared\nnope: ERROR (no such process)\ncron: ERROR (failed: cannot clear)\n"
    assert ran.status == 1


def test_pid_of_the_master_of_one_and_of_all(ctl, master):
    """A program without a pid is 0; the exit status is 7 only if it was named."""
    assert ctl("pid").text == "4711\n"
    assert ctl("pid", "web").text == "103\n"
    ran = ctl("pid", "web", "cron")
    assert (ran.text, ran.status) == ("103\n0\n", 7)
    ran = ctl("pid", "all")
    assert (ran.text, ran.status) == ("0\n103\n", 0)
    ran = ctl("pid", "nope", "web")
    assert (ran.text, ran.status) == ("No such process nope\n103\n", 1)


def test_commands_without_the_names_they_need_show_their_help(ctl):
    """Words and statuses are supervisorctl's: 2 for start, 1 for the others."""
    for words, first, status in (
        (["start"], "Error: start requires a process name", 2),
        (["stop"], "Error: stop requires a process name", 1),
        (["restart"], "Error: restart requires a process name", 1),
        (["clear"], "Error: clear requires a process name", 1),
        (["signal"], "Error: signal requires a signal name and a process name", 1),
        (["signal", "HUP"], "Error: signal requires a signal name and a process name", 1),
    ):
        ran = ctl(*words)
        lines = ran.text.splitlines()
        assert (lines[0], ran.status) == (first, status)
        assert lines[1].startswith(f"{words[0]} <")


def test_a_name_of_any_script_and_sign_reaches_the_master(ctl, master):
    """The name is quoted as one segment of the path."""
    master.answers["GET", "/v1/processes/caf%C3%A9%2Fbar"] = {"processes": [process("x", pid=9)]}
    assert ctl("pid", "café/bar").text == "9\n"


def test_json_of_status_is_one_object(ctl):
    """It has the same facts and exit status."""
    ran = ctl("status", "--json", "web", "nope")
    document = json.loads(ran.out)
    assert [info["name"] for info in document["processes"]] == ["web"]
    assert document["errors"] == [{"code": "BAD_NAME", "message": "nope: ERROR (no such process)", "name": "nope"}]
    assert ran.status == 4


def test_json_of_operations_holds_the_results(ctl, master):
    """The object of restart has the results of both halves."""
    master.results("stop", result("web"))
    master.results("start", result("web", "SPAWN_ERROR"))
    ran = ctl("--json", "restart", "web")
    document = json.loads(ran.out)
    assert document["stopped"][0]["status"] == "SUCCESS"
    assert document["started"][0]["status"] == "SPAWN_ERROR"
    assert ran.status == 7
    assert json.loads(ctl("pid", "--json").out) == {"pid": 4711}


def test_the_long_status_has_a_line_for_each_schedule(ctl, master):
    """With its next time, or how it is switched on."""
    master.show(process("backup", "STOPPED"), process("job", "STOPPED"), process("tick", "STOPPED"))
    master.answers["GET", "/v1/figures"] = {"figures": []}

    def known(name, schedule, zone, coming):
        return {"namespec": name, "schedule": schedule, "zone": zone, "on": bool(coming), "next": coming}

    master.answers["GET", "/v1/schedules"] = {
        "schedules": [
            known("backup", "0 2 * * *", "Europe/Berlin", "next run Nov 24 02:00 CET (in 3 h)"),
            known("job", "@daily", "local", ""),
            known("other", "@daily", "local", ""),
            known("tick", "every 3s", "local", "next run Nov 24 02:00 CET (in 2 s)"),
        ]
    }
    lines = [line for line in ctl("status", "--long").text.splitlines() if "schedule" in line]
    assert lines == [
        "backup: schedule: 0 2 * * * Europe/Berlin; next run Nov 24 02:00 CET (in 3 h)",
        "job: schedule: @daily; off: procmanctl start job switches it on",
        "tick: schedule: every 3s; next run Nov 24 02:00 CET (in 2 s)",
    ]

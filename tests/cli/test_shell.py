"""The interactive shell, on a real terminal where that matters."""

import os
import subprocess
import sys

import pexpect
import pytest

from procman.cli.invocation import Invocation
from procman.cli.procmanctl_commands.shell import Completer
from procman.client.address import Settings
from tests.support.ctl_environment import ENVIRON
from tests.support.fake_master import process, result


def piped(master, text: str, *words: str) -> tuple[str, int]:
    command = [sys.executable, "-m", "procman.cli.procmanctl", "-s", master.url, *words]
    ran = subprocess.run(command, input=text.encode(), env=ENVIRON, capture_output=True, check=False)
    assert ran.stderr == b""
    return ran.stdout.decode(), ran.returncode


def test_lines_from_a_pipe_are_carried_out_after_the_status(master):
    """As in supervisorctl, no error ends the shell, and the exit status is 0."""
    out, status = piped(master, "foo\nstop\npid web\nquit\nnever\n")
    assert out.startswith("cron                             STOPPED")
    assert "procman> *** Unknown syntax: foo\nprocman> Error: stop requires a process name\n" in out
    assert out.endswith("procman> 103\nprocman> \n")
    assert status == 0


def test_the_end_of_the_input_ends_it(master):
    """The shell prints an empty line and ends."""
    out, status = piped(master, "")
    assert out.endswith("procman> \n")
    assert status == 0


def test_i_runs_the_command_first_and_keeps_its_exit_status(master):
    """Supervisorctl's help promises this, but it does not do it."""
    out, status = piped(master, "pid\n", "-i", "status", "nope")
    assert out.startswith("nope: ERROR (no such process)\ncron ")
    assert out.endswith("procman> 4711\nprocman> \n")
    assert status == 4


def test_shutdown_asks_in_the_shell(master):
    """Only yes is a yes."""
    master.answers["POST", "/v1/master/shutdown"] = {}
    out, _ = piped(master, "shutdown\nn\nshutdown\nyes\n")
    assert out.endswith(
        "procman> Really shut the remote supervisord process down y/N? "
        "procman> Really shut the remote supervisord process down y/N? Shut down\nprocman> \n"
    )
    assert [path for method, path, _ in master.requests if method == "POST"] == ["/v1/master/shutdown"]


def test_a_master_that_vanished_is_said_and_the_shell_goes_on(typed, master):
    """The next command reports it again, or reaches the new master."""
    child = typed()
    child.expect_exact("procman> ")
    master.stop()
    os.unlink(master.path)
    child.sendline("status")
    child.expect_exact(f"cannot reach procman at {master.path}: no such file (is it running?)")
    child.expect_exact("procman> ")
    child.sendline("quit")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_tab_completes_commands_and_names(typed, master):
    """Unique prefixes are completed."""
    master.show(process("webserver"), process("a", group="site"))
    master.results("restart")
    child = typed()
    child.expect_exact("procman> ")
    child.send("statu\t")
    child.expect_exact("status ")
    child.send("webs\t")
    child.expect_exact("webserver ")
    child.sendline()
    child.expect("webserver +.*RUNNING")


def test_a_password_is_asked_for(typed, master):
    """It is kept for the following commands."""
    master.password = ("u", "p")
    child = typed()
    child.expect_exact("Server requires authentication")
    child.expect_exact("Username:")
    child.sendline("u")
    child.expect_exact("Password:")
    child.sendline("p")
    child.expect("web +.*RUNNING")
    child.sendline("pid")
    child.expect_exact("4711")


def test_the_prompt_and_the_history_are_those_of_the_configuration(typed, master, tmp_path):
    """The history is read at the start and written at the end."""
    history = tmp_path / "history"
    history.write_text("pid web\n")
    config = tmp_path / "x.conf"
    config.write_text(f"[supervisorctl]\nprompt=mine\nhistory_file={history}\n")
    child = typed("-c", str(config))
    child.expect_exact("mine> ")
    child.send("\x1b[A")  # up
    child.expect_exact("pid web")
    child.sendline()
    child.expect_exact("103")
    child.sendline("version")
    child.expect_exact("0.2.0")
    child.sendline("quit")
    child.expect(pexpect.EOF)
    assert history.read_text().splitlines()[-3:] == ["pid web", "version", "quit"]


def test_states_are_coloured_on_a_terminal(typed):
    """NO_COLOR and dumb terminals have no colours."""
    child = typed("status")
    child.expect_exact("\x1b[32mRUNNING   \x1b[0mpid 103")
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        child = typed("status", **environ)
        child.expect(pexpect.EOF)
        assert "RUNNING" in child.before
        assert "\x1b" not in child.before


def test_an_unknown_command_is_told_where_the_commands_are(typed):
    """If no command resembles it, and somebody looks."""
    child = typed("xyzzy")
    child.expect_exact("*** Unknown syntax: xyzzy")
    child.expect_exact("help lists the commands")


FAILED = {"ending": "exit status 1", "last_words": "no \x1b[2Jdatabase", "last_words_on": "stderr", "spawnerr": "x"}


def test_on_a_terminal_it_is_said_why_a_start_has_failed(typed, ctl, master):
    """Off a terminal the line is supervisorctl's."""
    master.show(process("web", "FATAL") | FAILED)
    master.results("start", result("web", "SPAWN_ERROR", "web"))
    child = typed("start", "web")
    child.expect(pexpect.EOF)
    assert child.before == "web: ERROR (spawn error: exit status 1; stderr: no \\x1b[2Jdatabase)\r\n"
    assert ctl("start", "web").text == "web: ERROR (spawn error)\n"


def test_the_long_table_is_followed_by_the_reasons_of_failures(typed, ctl, master):
    """Each failed process has a line, made harmless on a terminal."""
    master.show(process("cron", "STOPPED"), process("web", "FATAL") | FAILED)
    master.answers["GET", "/v1/figures"] = {"figures": []}
    child = typed("status", "--long")
    child.expect(pexpect.EOF)
    assert child.before.splitlines()[-1] == "web: exit status 1; stderr: no \\x1b[2Jdatabase"
    assert ctl("status", "--long").text.splitlines()[-1] == "web: exit status 1; stderr: no \x1b[2Jdatabase"


def test_a_log_cannot_act_on_the_terminal(typed, master):
    """Only its colours have an effect."""
    master.answers["GET", "/v1/processes/web/log/stdout?tail=1600"] = b"\x1b[31mred\x1b[2J\n"
    child = typed("tail", "web")
    child.expect(pexpect.EOF)
    assert child.before == "\x1b[31mred\\x1b[2J\r\n\x1b[0m\r\n"


def test_errors_cannot_act_on_the_terminal_either(typed, master):
    """Errors contain names and commands."""
    master.results("stop", result("web", "FAILED", "bad \x1b[2J"))
    child = typed("stop", "web")
    child.expect(pexpect.EOF)
    assert child.before == "bad \\x1b[2J\r\n"


def test_a_terminal_shows_an_unknown_process_once(typed, master):
    """Off a terminal, stop and start both report it, as in supervisorctl; on one, a group is guessed too."""
    master.show(process("a", group="site"))
    master.results("stop", result("site", "BAD_NAME"))
    master.results("start", result("site", "BAD_NAME"))
    child = typed("restart", "site")
    child.expect(pexpect.EOF)
    assert child.before == "site: ERROR (no such process)\r\ndid you mean site:*?\r\n"
    child.close()
    assert child.exitstatus == 1
    child = typed("status", "site")
    child.expect(pexpect.EOF)
    assert child.before == "site: ERROR (no such process)\r\ndid you mean site:*?\r\n"


@pytest.fixture
def completer(master):
    settings = Settings()
    settings.url = master.url
    session = Invocation(settings)
    yield Completer(session)
    session.close()


def test_completion_offers_what_supervisorctl_offers(completer, master):
    """Commands first; groups for update, add and remove; processes, group:process and group:* for the others."""
    master.show(process("web"), process("a", group="site"), process("b", group="site"))
    assert completer.complete("", "")[:3] == ["add ", "attach ", "avail "]
    assert completer.complete("sta", "sta") == ["start ", "status "]
    assert completer.complete("help st", "st") == ["start ", "status ", "stop ", "stop-plan "]
    assert completer.complete("update ", "") == ["web ", "site "]
    assert completer.complete("stop ", "") == ["web ", "site:a ", "site:* ", "site:b "]
    assert completer.complete("stop web:", "web:") == ["web:web ", "web:* "]
    assert completer.complete("signal HUP si", "si") == ["site:a ", "site:* ", "site:b "]
    assert completer.complete("version ", "") == []


def test_completion_of_a_signal_offers_signals(completer, master):
    """The first argument of signal is completed to HUP, SIGHUP and lower-case names."""
    assert {"HUP ", "TERM ", "USR1 "} < set(completer.complete("signal ", ""))
    assert completer.complete("signal H", "H") == ["HUP "]
    assert completer.complete("signal SIGH", "SIGH") == ["SIGHUP "]
    assert completer.complete("signal hu", "hu") == ["HUP "]
    assert master.requests == []
    assert completer.complete("signal HUP ", "") == ["cron ", "web "]


def test_completion_knows_the_flags_of_a_command(completer):
    """They are the flags of its help."""
    assert completer.complete("status -", "-") == ["-o ", "--watch ", "--color ", "--long ", "--at ", "--all "]
    assert completer.complete("tail -", "-") == ["-f ", "-n "]
    assert completer.complete("stop --", "--") == ["--all ", "--cascade "]
    assert completer.complete("pid --", "--") == []


def test_completion_asks_once_between_commands(completer, master):
    """Readline calls the completer many times for one TAB."""
    completer.complete("stop ", "")
    completer.complete("stop w", "w")
    assert len(master.requests) == 1
    completer.forget()
    completer.complete("stop w", "w")
    assert len(master.requests) == 2


def test_completion_without_a_master_offers_nothing(completer, master):
    """No error is printed at a TAB."""
    master.stop()
    os.unlink(master.path)
    assert completer.complete("stop ", "") == []

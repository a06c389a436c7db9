"""Programs with a terminal in a real master: attach and debug on a real terminal of the test."""

import contextlib
import os
import shlex
import shutil
import signal
import sys

import pexpect
import pytest

from procman.client.api_client import ApiError, Client
from tests.support.masters_in_turn import MastersInTurn
from tests.support.pages import DOCS, run_by
from tests.support.running_master import SLEEPER, RunningMaster
from tests.support.terminals import on_terminal

SHELL = '[program:sh]\ncommand=/bin/sh\npty=true\nenvironment=PS1="here> ",ENV=""\nstartsecs=0\nautorestart=false\n'
ENDED = r"\[procmanctl: {}\]"


def ended(child, words):
    child.expect(ENDED.format(words))
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def clients(master):
    return master.call("GET", "/v1/terminals")["terminals"]


def test_a_shell_is_used_from_two_terminals_and_an_upgrade_does_not_end_it(tmp_path):
    """Both see what one types; the size is that of the window; leaving it leaves the program alone."""
    with RunningMaster(tmp_path, SHELL) as master:
        master.wait_for("sh entered RUNNING state")
        with on_terminal(master, "attach", "sh") as one:
            one.expect("attached to sh")
            one.send("stty size\r")
            one.expect("30 100")
            one.setwinsize(40, 120)
            one.send("until stty size | grep '40 120'; do :; done\r")
            one.expect("\n40 120")
            with on_terminal(master, "attach", "--read-only", "sh") as two:
                # It is shown what was there before.
                two.expect("40 120")
                assert {(client["name"], client["read_only"]) for client in clients(master)} == {
                    ("sh", False),
                    ("sh", True),
                }
                assert "watches its terminal" in master.ctl("status", "--long").stdout
                one.send("echo both$((1+1))\r")
                two.expect("both2")
                two.send("\x03")
                assert ended(two, "detached from sh: it goes on") == 0
            one.send("word=kept\r")
            assert master.ctl("upgrade").returncode == 0
            master.expect(r"upgraded: procman")
            one.send("echo $word-word\r")
            one.expect("kept-word")
            one.send("\x10\x11")
            assert ended(one, "detached from sh: it goes on") == 0
        with on_terminal(master, "attach", "--detach-keys", "ctrl-a,d", "sh") as three:
            three.expect("attached to sh")
            three.send("exit 5\r")
            assert ended(three, "sh: exit status 5") == 5
        assert any(b"echo both$((1+1))" in log.read_bytes() for log in tmp_path.glob("sh-stdout*"))
        records = master.ctl("events", "--kind", "terminal").stdout
        assert records.count("a client is attached") == 4
        # An upgrade ends all connections at once.
        assert records.count("a client is detached") == 3
        assert "(read-only)" in records


def test_a_program_is_debugged_as_it_runs_and_then_runs_again(tmp_path):
    """Same directory, environment and log; another command; whatever its end is, nothing follows from it."""
    program = (
        f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\ndirectory=/usr\nenvironment=COLOUR=red\ncritical=true\n"
        f"stdout_logfile={tmp_path}/web.log\n"
    )
    with RunningMaster(tmp_path, program, master="shutdown_when=all_done") as master:
        master.wait_for("web entered RUNNING state")
        before = master.info("web")["pid"]
        with on_terminal(
            master,
            "debug",
            "--env",
            "MORE=x",
            "web",
            "--",
            "/bin/sh",
            "-c",
            "echo $COLOUR $MORE $PWD; read line; exit 7",
        ) as one:
            one.expect("red x /usr")
            assert "debugs it" in master.ctl("why", "web").stdout
            refused = master.ctl("upgrade")
            assert (refused.returncode, "web is being debugged" in refused.stdout) == (1, True)
            with pytest.raises(ApiError, match="web is being debugged already"):
                master.call("POST", "/v1/processes/web/debug", {})
            one.send("\r")
            assert ended(one, "web: exit status 7") == 7
        count = master.wait_for("exited: web (exit status 7")
        count = master.wait_for("spawned: 'web'", after=count)
        with on_terminal(master, "debug", "web", "--", "/bin/sh", "-c", "echo ready; sleep 1000") as two:
            two.expect("ready")
            # The window is closed: nobody says good-bye.
            os.kill(two.pid, signal.SIGKILL)
            two.wait()
        count = master.wait_for("spawned: 'web'", after=count)  # the shell
        master.wait_for("spawned: 'web'", after=count)
        again = master.info("web")
        assert again["pid"] not in (0, before)
        assert "red x /usr" in (tmp_path / "web.log").read_text()
        assert master.ctl("why", "web").stdout.count("debugs it") == 0
        operations = [one["kind"] for one in master.call("GET", "/v1/operations")["operations"]]
        assert operations.count("debug") == 2
        assert "next try" not in master.text


def test_a_schedule_is_as_it_was_after_its_program_was_debugged(tmp_path):
    """On or off, whatever its autostart is; and what waits for its next run goes on waiting."""
    job = "command=/bin/sh -c 'exit 3'\nschedule=every 1h\n"
    programs = (
        f"[program:on]\n{job}[program:off]\n{job}[program:by_hand]\n{job}autostart=false\n"
        f"[program:web]\ncommand={SLEEPER}\ndepends_on=on@done\n"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("procman started")
        assert master.ctl("stop", "off").returncode == 0
        assert master.ctl("start", "by_hand").returncode == 0
        for name in ("on", "off", "by_hand"):
            with on_terminal(master, "debug", name) as one:
                assert ended(one, f"{name}: exit status 3") == 3
        for operation in master.call("GET", "/v1/operations")["operations"]:
            assert master.call("GET", f"/v1/operations/{operation['id']}?timeout=60")["state"] == "done"
        shown = {one["name"]: one["phase"] for one in master.call("GET", "/v1/processes")["processes"]}
        assert (shown["on"], shown["off"], shown["by_hand"]) == ("scheduled", "", "scheduled")
        assert shown["web"] == "waiting"
        assert "FATAL" not in master.ctl("events", "web").stdout


def test_the_commands_of_the_page_do_what_it_says(tmp_path):
    """`attach` shows what the page shows; `debug` runs its own command, a shell, and the command with a variable."""
    blocks = run_by("tests/end_to_end/test_terminals.py", DOCS / "how-to" / "terminals.md")
    (attach,), (own, shell, with_variable) = blocks
    programs = (
        f"[program:console]\ncommand={sys.executable} -q\npty=true\nstartsecs=0\n"
        "[program:web]\ncommand=sh -c 'echo serves $LOG_LEVEL; exec sleep 1000'\nstartsecs=0\n"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("web entered RUNNING state")

        def typed(command):
            return on_terminal(master, *shlex.split(command.line, comments=True)[1:])

        with typed(attach) as child:
            for line in attach.shown:
                child.expect_exact(line)
            child.send("\x10\x11")
            assert ended(child, "detached from console: it goes on") == 0
        with typed(own) as child:
            child.expect("serves")
            child.send("\x10\x11")
            child.expect(pexpect.EOF)
        with typed(shell) as child:
            child.send("echo in-$((1+1))\r")
            child.expect("in-2")
            child.send("exit\r")
            child.expect(pexpect.EOF)
        with typed(with_variable) as child:
            child.expect("serves debug")
            child.send("\x10\x11")
            child.expect(pexpect.EOF)
        assert "debugs it" not in master.ctl("why", "web").stdout


def test_what_cannot_be_is_said(tmp_path):
    """Each with its way out, and its exit status."""
    programs = (
        SHELL
        + f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
        + "[program:down]\ncommand=/bin/cat\npty=true\nautostart=false\n"
    )
    with RunningMaster(tmp_path, programs) as master:
        master.wait_for("web entered RUNNING state")
        assert master.ctl("attach", "sh").returncode == 2
        for words, text, status in (
            (("attach", "web"), r"web: ERROR \(web has no terminal: write pty = true, or follow it with", 1),
            (("attach", "down"), r"down is not running: procmanctl start down starts it", 7),
            (("attach", "nope"), "no such process or group: nope", 1),
            (("debug", "web", "--", "/no/such"), "cannot run web: can't find command '/no/such'", 1),
            (("attach", "--detach-keys", "alt-x", "sh"), "cannot read the key 'alt-x'", 2),
            (("debug",), "debug requires a process name", 2),
        ):
            with on_terminal(master, *words) as child:
                child.expect(text)
                child.expect(pexpect.EOF)
                child.close()
                assert child.exitstatus == status
        assert master.info("web")["statename"] == "RUNNING"
        with contextlib.closing(Client(f"unix://{master.socket}")) as client:
            for path, body, text in (
                ("/v1/processes/sh/attach", {"rows": 0, "columns": 80}, "rows and columns, from 1 to"),
                ("/v1/terminals/99/size", {"rows": 1, "columns": 1}, "not attached any more"),
                ("/v1/terminals/x/input", {}, "expected the id of a client"),
            ):
                with pytest.raises(ApiError, match=text):
                    client.call("POST", path, body)


def test_a_killed_master_does_not_hang_up_a_shell(tmp_path):
    """The next one takes the terminal over, and so does the client; a program that is debugged is as it was before."""
    web = f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
    masters = MastersInTurn(tmp_path, SHELL + web)
    try:
        masters.start().expect("sh entered RUNNING state")
        with (
            on_terminal(masters, "attach", "sh") as one,
            on_terminal(masters, "debug", "web", "--", "/bin/sh", "-c", "echo up; exec cat") as two,
        ):
            one.expect("attached to sh")
            one.send("word=kept; echo set-$((1+1))\r")
            one.expect("set-2")
            two.expect("up")
            two.send("echo\r")
            two.expect("echo\r\necho")
            masters.kill()
            assert ended(two, "the master has gone; web is as its file says when there is one again") == 7
            masters.start().expect("web is restarted: it was started with another definition")
            one.send("echo $word-word\r")
            one.expect("kept-word")
            one.send("exit 3\r")
            assert ended(one, "sh: exit status 3") == 3
        masters.master.expect("success: web entered RUNNING")
        assert masters.call("GET", "/v1/processes/web")["processes"][0]["statename"] == "RUNNING"
    finally:
        masters.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("vi") is None or shutil.which("less") is None, reason="no vi or no less")
def test_full_screen_programs(tmp_path):
    """An editor and a pager work as in a window, and the terminal is put right for a client that leaves one."""
    with RunningMaster(tmp_path, SHELL) as master:
        master.wait_for("sh entered RUNNING state")
        with on_terminal(master, "attach", "sh") as one:
            one.expect("attached to sh")
            one.send(f"vi -u NONE {tmp_path}/text\r")
            one.expect("~")
            one.send("ihello\x1b:wq\r")
            one.expect("here> ")
            one.send(f"cat {tmp_path}/text; seq 1000 > {tmp_path}/many; less {tmp_path}/many\r")
            one.expect("hello")
            one.expect("\n25")
            one.send("G")
            one.expect("1000")
            one.send("\x10\x11")
            one.expect(r"\x1b\[\?1049l")
            assert ended(one, "detached from sh: it goes on") == 0
        with on_terminal(master, "attach", "sh", rows=20) as two:
            # It draws itself for who comes.
            two.expect("1000")
            two.send("q")
            two.expect("here> ")
            two.send("exit\r")
            assert ended(two, "sh: exit status 0") == 0

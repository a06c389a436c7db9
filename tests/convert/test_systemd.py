"""The systemd export: systemd itself reads the units, and understands them as the configuration means them."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from procman.convert import systemd
from procman.convert.result import CannotExport
from procman.convert.unit_file import quoted, raw, unit
from tests.support.export_checks import as_systemd_reads_it, configured, only, target, verified


def split(folder, text, **assumed):
    return systemd.export(configured(folder, text, **assumed), target(split=True))


def settings_of(text):
    """The lines of a unit by key, without comments."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


# ------------------------------------------------------------------------------------------------ one service


def test_one_service_runs_procman(tmp_path):
    """The service notifies readiness, stops its programs in its stop plan's time, and leaves them running if killed."""
    config = configured(tmp_path, "[program:web]\ncommand=/bin/true\nstopwaitsecs=20\n")
    exported = systemd.export(config, target())
    assert list(exported.files) == ["shop.service"]
    found = settings_of(only(exported.files))
    assert found["Type"] == ["notify"]
    assert found["KillMode"] == ["process"]
    assert found["TimeoutStopSec"] == ["26"]
    assert found["ExecStart"] == [f"/usr/local/bin/procman -n -c {tmp_path}/supervisord.conf"]
    assert found["ExecReload"] == [f"/usr/local/bin/procmanctl -c {tmp_path}/supervisord.conf update"]
    assert found["WorkingDirectory"] == [str(tmp_path)]
    assert verified(exported.files, tmp_path) == []


def test_a_path_with_anything_in_it_arrives(tmp_path):
    """Blanks, quotes, dollars and percent signs survive in commands and in paths."""
    folder = tmp_path / "a b$c%d'e"
    folder.mkdir()
    exported = systemd.export(configured(folder, "[program:web]\ncommand=/bin/true\n"), target())
    found = as_systemd_reads_it(exported.files, "shop.service")
    assert f'-n -c "{folder}/supervisord.conf"'.replace("$", "\\$\\$") in found["Command Line"][0]
    assert found["WorkingDirectory"] == [str(folder)]


# ------------------------------------------------------------------------------------------------ a unit for each


PROGRAM = """\
[program:web]
command=/bin/sleep "a b" 'c"d' 100%% $HOME a;x
directory=/srv/my site
user=daemon
umask=027
environment=A="b c",B="d$e%%f",C='x"y'
autorestart=unexpected
exitcodes=0,2
startretries=5
startsecs=10
stopsignal=QUIT
stopwaitsecs=7
stopasgroup=true
stdout_logfile=/var/log/my web.log
redirect_stderr=true
"""


def test_systemd_understands_every_setting_of_a_program(tmp_path):
    """The settings are those that systemd itself reports."""
    exported = split(tmp_path, PROGRAM)
    found = as_systemd_reads_it(exported.files, "shop-web.service")
    assert found["Type"] == ["exec"]
    assert found["Command Line"] == ['/bin/sleep "a b" "c\\"d" 100% "\\$\\$HOME" "a;x"']
    assert found["WorkingDirectory"] == ["/srv/my site"]
    assert found["User"] == ["daemon"]
    assert found["UMask"] == ["0027"]
    assert found["Environment"] == ["A=b c", "B=d$e%f", 'C=x"y']
    assert found["Restart"] == ["on-failure"]
    assert found["RestartSec"] == ["1s"]
    assert found["KillSignal"] == ["SIGQUIT"]
    assert found["KillMode"] == ["control-group"]
    assert found["TimeoutStopSec"] == ["7s"]
    assert found["StandardOutputFileToAppend"] == ["/var/log/my web.log"]
    assert found["StandardError"] == ["inherit"]
    lines = settings_of(exported.files["shop-web.service"])
    # A death by its own stop signal is what was asked for; from anybody else's it has failed.
    assert lines["SuccessExitStatus"] == ["2 SIGQUIT"]
    assert lines["RestartForceExitStatus"] == ["SIGHUP SIGINT SIGTERM SIGPIPE SIGQUIT"]
    # Six starts of ten seconds, and a second between two.
    assert (lines["StartLimitBurst"], lines["StartLimitIntervalSec"]) == (["6"], ["66"])
    assert verified(exported.files, tmp_path) == []


def test_programs_begin_where_the_master_is(tmp_path):
    """Relative paths start at the master's directory, and its umask applies."""
    text = "[program:web]\ncommand=bin/web\n[program:own]\ncommand=./x\ndirectory=sub\numask=022\n"
    exported = split(tmp_path, text + "[supervisord]\ndirectory=/usr\numask=077\n")
    web, own = (settings_of(exported.files[f"shop-{name}.service"]) for name in ("web", "own"))
    assert (web["ExecStart"], web["WorkingDirectory"], web["UMask"]) == (["/usr/bin/web"], ["/usr"], ["0077"])
    assert (own["ExecStart"], own["WorkingDirectory"]) == (["/usr/sub/x"], ["/usr/sub"])
    assert "UMask" not in own


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("autorestart=true", {"Restart": ["always"]}),
        ("autorestart=false", {"Restart": ["no"]}),
        ("exitcodes=2", {"RestartForceExitStatus": ["SIGHUP SIGINT SIGTERM SIGPIPE 0"], "SuccessExitStatus": ["2"]}),
        ("killasgroup=true", {"KillMode": ["mixed"]}),
        ("stop_scope=tree", {"KillMode": ["control-group"]}),
        ("stopwaitsecs=0", {"TimeoutStopSec": ["1ms"]}),
        ("stopwaitsecs=4294967296", {"TimeoutStopSec": ["infinity"]}),
        ("startretries=4294967295", {"StartLimitIntervalSec": ["0"], "StartLimitBurst": None}),
        ("stdout_logfile=NONE", {"StandardOutput": ["null"]}),
        ("stdout_logfile=/dev/stdout\nstderr_logfile=AUTO", {"StandardOutput": ["journal"]}),
        ("stdout_logfile=/srv/../var/log/o.log", {"StandardOutput": ["append:/var/log/o.log"]}),
        ("stdout_logfile=-, /var/log/o.log", {"StandardOutput": ["append:/var/log/o.log"]}),
        ("stdout_logfile=-", {"StandardOutput": ["journal"]}),
        ("stderr_logfile=/var/log/e.log", {"StandardError": ["append:/var/log/e.log"]}),
        ("command=sleep 1", {"ExecStart": ["sleep 1"]}),
        ("command=./run.sh 1\ndirectory=/srv/x", {"ExecStart": ["/srv/x/run.sh 1"]}),
        ("autostart=false", {"WantedBy": None}),
        ("autostart=true", {"WantedBy": ["shop.target"]}),
    ],
)
def test_an_option_becomes_a_setting(tmp_path, options, expected):
    """Each option becomes its setting."""
    text = "[program:web]\n" + ("" if "command" in options else "command=/bin/true\n") + options + "\n"
    exported = split(tmp_path, text)
    found = settings_of(exported.files["shop-web.service"])
    assert {key: found.get(key) for key in expected} == expected
    assert verified(exported.files, tmp_path) == []


def test_priorities_become_an_order_which_systemd_reverses_for_the_stop(tmp_path):
    """Each unit starts after those of the next lower priority with autostart; the target wants all of these."""
    text = "".join(
        f"[program:{name}]\ncommand=/bin/true\npriority={priority}\nautostart={start}\n"
        for name, priority, start in [
            ("db", 1, "true"),
            ("queue", 5, "true"),
            ("tool", 5, "false"),
            ("web", 9, "true"),
            ("web2", 9, "true"),
        ]
    )
    exported = split(tmp_path, text)
    after = {name: settings_of(text).get("After", []) for name, text in exported.files.items()}
    assert after == {
        "shop.target": [],
        "shop-db.service": [],
        "shop-queue.service": ["shop-db.service"],
        "shop-tool.service": ["shop-db.service"],
        "shop-web.service": ["shop-queue.service"],
        "shop-web2.service": ["shop-queue.service"],
    }
    wanted = settings_of(exported.files["shop.target"])["Wants"]
    assert wanted == ["shop-db.service", "shop-queue.service", "shop-web.service", "shop-web2.service"]
    assert verified(exported.files, tmp_path) == []


def test_the_socket_of_a_fastcgi_program_becomes_a_socket_unit(tmp_path):
    """Its processes share it on fd 0, as under procman."""
    text = (
        "[fcgi-program:php]\ncommand=/bin/cat\nsocket=unix:///run/php.sock\nsocket_mode=0770\nsocket_owner=daemon\n"
        "socket_backlog=99\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)d\n"
        "[fcgi-program:tcp]\ncommand=/bin/cat\nsocket=tcp://localhost:9000\n"
    )
    exported = split(tmp_path, text)
    assert (
        settings_of(exported.files["shop-php.socket"]).items()
        >= {
            "ListenStream": ["/run/php.sock"],
            "RemoveOnStop": ["yes"],
            "SocketMode": ["0770"],
            "SocketUser": ["daemon"],
            "Backlog": ["99"],
            "Service": ["shop-php_0.service"],
        }.items()
    )
    for number in range(2):
        found = as_systemd_reads_it(exported.files, f"shop-php_{number}.service")
        assert found["StandardInput"] == ["socket"]
        assert "shop-php.socket (origin-file)" in found["Requires"]
    assert settings_of(exported.files["shop-tcp.socket"])["ListenStream"] == ["127.0.0.1:9000"]
    assert verified(exported.files, tmp_path) == []


def test_programs_that_are_left_out_are_in_the_notes(tmp_path):
    """The notes and the target's comments name listeners, impossible commands and variables with odd names."""
    text = (
        "[program:web]\ncommand=/bin/true\n[program:none]\ncommand=\n[program:dash]\ncommand=-x\n"
        "[eventlistener:mail]\ncommand=/bin/cat\nevents=TICK_5\n"
    )
    exported = split(tmp_path, text)
    assert sorted(exported.files) == ["shop-web.service", "shop.target"]
    for section in ("[eventlistener:mail] is left out", "[program:none] is left out", "[program:dash]: left out"):
        assert any(section in note for note in exported.notes), exported.notes
        assert f"# - {section}" in exported.files["shop.target"]
    with pytest.raises(CannotExport, match="none of its programs could run there"):
        split(tmp_path, "[program:none]\ncommand=\n")


def test_secrets_are_pointed_out_and_not_repeated(tmp_path):
    """The unit needs the value; the note has only the name."""
    exported = split(tmp_path, '[program:web]\ncommand=/bin/true\nenvironment=DB_PASSWORD="hunter2",LANG=C\n')
    assert "Environment=DB_PASSWORD=hunter2" in exported.files["shop-web.service"]
    assert "EnvironmentFile: DB_PASSWORD\n" in exported.files["shop-web.service"]
    assert any("plain text: DB_PASSWORD" in note for note in exported.notes)
    assert "hunter2" not in "".join(exported.notes)


# ------------------------------------------------------------------------------------------------ the syntax

WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(WORDS, max_size=5))
@example(["", ";", "$", "$$", "${X}", "%n", "\\", "a\\", '"', "'", "#", "\n", "\t", "\x7f", "\x85", "\u2028", "😀"])
def test_systemd_reads_any_words_as_they_were(words):
    """Commands and variables survive, whatever characters they contain."""
    lines = [f"ExecStart=/bin/echo {' '.join(quoted(word, dollars=True) for word in words)}".rstrip()]
    lines += [f"Environment={quoted(f'V{number}={word}')}" for number, word in enumerate(words)]
    files = {"x.service": unit([], {"Service": lines})}
    found = as_systemd_reads_it(files, "x.service")
    # Two dollars become one when the command is run.
    assert words_of(found["Command Line"][0]) == ["/bin/echo", *(word.replace("$", "$$") for word in words)]
    shown = found.get("Environment", [])
    for number, word in enumerate(words):
        # It shows them as they are, so one with a line end in it cannot be found again.
        if word.isprintable():
            assert f"V{number}={word}" in shown


ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def words_of(command):
    """The words of a command as systemd shows it, with double quotes and C escapes where needed."""

    def unescaped(match):
        code = match[1]
        return chr(int(code, 8)) if code.isdigit() else ESCAPES.get(code, code)

    words = []
    # A character per byte, for what systemd will not show it spells byte by byte.
    command = command.encode().decode("latin-1")
    for quoted_word, bare in re.findall(r'"((?:[^"\\]|\\.)*)"|([^ ]+)', command, re.DOTALL):
        text = bare or re.sub(r"\\([0-7]{3}|.)", unescaped, quoted_word, flags=re.DOTALL)
        words.append(text.encode("latin-1").decode())
    return words


@pytest.mark.parametrize("path", ["/a b", "/100%", "/q\"'$x", "/é"])
def test_a_path_is_a_whole_line(path):
    """Only the percent sign has a special meaning in a path."""
    found = as_systemd_reads_it(
        {"x.service": unit([], {"Service": ["ExecStart=/bin/true", f"WorkingDirectory={raw(path)}"]})}, "x.service"
    )
    assert found["WorkingDirectory"] == [path]


@pytest.mark.parametrize("path", ["/a\nb", "/a\\", "/a ", "/\x07"])
def test_a_path_that_no_line_can_hold_is_none(path):
    """A line end, a trailing backslash or surrounding blanks make a path impossible."""
    assert raw(path) is None


# ------------------------------------------------------------------------------------------------ the one in conf/

ROOT = Path(__file__).parents[2]


def test_the_service_in_conf_is_what_would_be_exported(tmp_path):
    """Only its stop time differs, which fits any configuration."""
    config = replace(
        configured(tmp_path, "", name="procman.toml"), file="/etc/procman/procman.toml", here="/etc/procman"
    )
    sample = (ROOT / "conf" / "procman.service").read_text()
    ours, theirs = settings_of(sample), settings_of(only(systemd.export(config, target()).files))
    assert int(ours.pop("TimeoutStopSec")[0]) >= int(theirs.pop("TimeoutStopSec")[0])
    assert ours == theirs
    assert verified({"procman.service": sample}, tmp_path) == []


def test_a_unit_names_the_procman_that_has_written_it(tmp_path):
    """The path is that of the called command, or of the one on the path."""
    script = tmp_path / "bin" / "procman"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom procman.cli.procman import main\nraise SystemExit(main())\n")
    script.chmod(0o755)
    file = tmp_path / "p.conf"
    file.write_text("[supervisord]\n[program:web]\ncommand=web\n")
    export = ["export", "systemd", "-c", str(file)]
    on_the_path = {**os.environ, "PATH": f"{script.parent}:{os.environ['PATH']}"}
    for called in ([str(script)], ["bin/procman"], ["sh", "-c", 'procman "$@"', "sh"]):
        ran = subprocess.run([*called, *export], cwd=tmp_path, env=on_the_path, capture_output=True, check=True)
        assert f"ExecStart={script} -n -c {file}\n" in ran.stdout.decode()
        assert f"ExecReload={script.parent}/procmanctl -c {file} update\n" in ran.stdout.decode()


def test_a_variable_that_the_file_takes_from_the_environment_is_pointed_out(tmp_path):
    """A service has hardly any environment, so procman would not start; separate units have the exported value."""
    text = "[program:web]\ncommand=/bin/web %(ENV_PORT)s %(ENV_OWN)s %%(ENV_NONE)s\n[supervisord]\nenvironment=OWN=x\n"
    config = configured(tmp_path, text, env={"PORT": "80"})
    whole = systemd.export(config, target())
    note = "the configuration uses environment variables, so add an Environment= or EnvironmentFile= with them"
    assert whole.notes == (f"{note}: PORT",)
    assert "PORT" in only(whole.files)
    each = systemd.export(config, target(split=True))
    assert "[program:web]: %(ENV_PORT)s: replaced by the value during the export" in each.notes


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", {"Restart": ["no"], "TimeoutStartSec": ["infinity"]}),
        ("run_timeout=10m\nstartretries=2\n", {"Restart": ["on-failure"], "TimeoutStartSec": ["600"]}),
    ],
)
def test_a_oneshot_is_one_for_systemd_too(tmp_path, lines, expected):
    """It stays done, and systemd has nothing to say against the unit."""
    exported = split(tmp_path, f"[program:migrate]\ncommand=/bin/true\ntype=oneshot\n{lines}")
    (text,) = [text for name, text in exported.files.items() if name.endswith(".service")]
    found = settings_of(text)
    assert expected.items() <= found.items()
    assert (found["Type"], found["RemainAfterExit"]) == (["oneshot"], ["yes"])
    assert verified(exported.files, tmp_path) == []


def schedules(tmp_path, engine, *lines):
    """What is exported of one program with these lines, by file, and the notes."""
    from procman.config.load import load
    from procman.convert import compose, kubernetes, systemd
    from procman.convert.result import Target

    path = tmp_path / "app.conf"
    path.write_text(
        "[supervisord]\n[program:web]\ncommand=/bin/cat\n[program:backup]\ncommand=/bin/true\n" + "\n".join(lines)
    )
    exporter = {"systemd": systemd, "kubernetes": kubernetes, "compose": compose}[engine]
    exported = exporter.export(load(str(path)), Target(name="app", image="app", procman="/usr/bin/procman", split=True))
    return exported.files, "\n".join(exported.notes)


@pytest.mark.parametrize(
    ("schedule", "events"),
    [
        ("30 2 * * *", ["*-*-* 02:30:00"]),
        ("*/15 8-10 * * mon-fri", ["Mon,Tue,Wed,Thu,Fri *-*-* 08,09,10:00,15,30,45:00"]),
        ("0 2 1,15 * sun", ["*-*-01,15 02:00:00", "Sun *-*-* 02:00:00"]),
        ("0 2 L 3 *", ["*-03~01 02:00:00"]),
        ("0 2 * * mon#2", ["Mon *-*-08..14 02:00:00"]),
        ("0 2 * * 5L", ["Fri *-*~07/1 02:00:00"]),
    ],
)
def test_a_schedule_is_a_timer(tmp_path, schedule, events):
    """Which starts its service; the target starts the timer."""
    files, _ = schedules(tmp_path, "systemd", f"schedule={schedule}", "schedule_missed=once", "schedule_jitter=5m")
    timer = files["app-backup.timer"]
    assert [line.removeprefix("OnCalendar=") for line in timer.splitlines() if line.startswith("OnCalendar=")] == events
    assert all(line in timer for line in ("Persistent=yes", "RandomizedDelaySec=300", "FixedRandomDelay=yes"))
    assert "RemainAfterExit" not in files["app-backup.service"]
    assert "Wants=app-backup.timer\n" in files["app.target"]
    assert "Wants=app-backup.service" not in files["app.target"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_means_the_same_times(tmp_path):
    """Its next times are those of the schedule."""
    from datetime import UTC, datetime

    from procman.cron.times import Cron, zone_of

    for schedule in ("30 2 * * *", "0 2 L * *", "0 2 * * mon#2", "0 2 * * 5L", "*/20 8-9 1,15 * *"):
        files, _ = schedules(tmp_path, "systemd", f"schedule={schedule}", "schedule_tz=UTC")
        event = next(line for line in files["app-backup.timer"].splitlines() if line.startswith("OnCalendar="))
        call = ["systemd-analyze", "calendar", "--iterations=3", "--base-time=2026-03-01 00:00:00 UTC"]
        answer = subprocess.run([*call, event.removeprefix("OnCalendar=")], capture_output=True, text=True, check=True)
        said = re.findall(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", answer.stdout.replace("in UTC", ""))
        instant, expected = datetime(2026, 3, 1, tzinfo=UTC).timestamp() - 1, []
        for _ in range(3):
            instant = Cron(schedule, zone_of("UTC")).after(instant)
            expected.append(datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S"))
        assert list(dict.fromkeys(said))[-3:] == expected, answer.stdout


def test_what_a_timer_cannot_say_is_noted(tmp_path):
    """And `every` counts from the run before."""
    files, notes = schedules(tmp_path, "systemd", "schedule=0 2 LW * *")
    assert "app-backup.timer" not in files
    assert "[program:backup]: schedule: a calendar event cannot say this: start its unit from a crontab" in notes
    files, notes = schedules(tmp_path, "systemd", "schedule=every 30m", "schedule_overlap=queue", "autostart=false")
    assert "OnUnitActiveSec=1800" in files["app-backup.timer"]
    assert "WantedBy" not in files["app-backup.timer"]
    assert "schedule_overlap=queue: a timer leaves a run out while one is under way" in notes

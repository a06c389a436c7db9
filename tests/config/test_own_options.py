"""Options that supervisor does not have: scopes, shutdown policies, and the format of logs on the console."""

import pytest

from procman.config.load import read
from procman.config.stop_plan import read_duration
from procman.core.spec import Leftovers, Scope, ShutdownWhen


def judged(tmp_path, lines: str, master: str = ""):
    """The result for a [program:web] and a [supervisord] with these lines."""
    path = tmp_path / "procman.conf"
    path.write_text(f"[supervisord]\n{master}\n[program:web]\ncommand=/bin/cat\n{lines}\n")
    return read(str(path))


def scopes(tmp_path, lines: str) -> tuple[Scope, Scope]:
    loaded = judged(tmp_path, lines)
    assert loaded.config is not None, loaded.problems
    (program,) = loaded.config.groups[0].programs
    return program.stop_scope, program.kill_scope


@pytest.mark.parametrize(
    ("lines", "stop", "kill"),
    [
        ("", Scope.PROCESS, Scope.PROCESS),
        ("stopasgroup=true", Scope.GROUP, Scope.GROUP),
        ("killasgroup=true", Scope.PROCESS, Scope.GROUP),
        ("stop_scope=tree", Scope.TREE, Scope.TREE),
        ("stop_scope=group", Scope.GROUP, Scope.GROUP),
        ("kill_scope=tree", Scope.PROCESS, Scope.TREE),
        ("stop_scope=group\nkill_scope=tree", Scope.GROUP, Scope.TREE),
        ("stopasgroup=true\nstop_scope=tree", Scope.TREE, Scope.TREE),
        ("stopasgroup=true\nkill_scope=tree", Scope.GROUP, Scope.TREE),
    ],
)
def test_supervisors_flags_and_the_scopes_say_the_same(tmp_path, lines, stop, kill):
    """SIGKILL reaches at least as much as the stop signal; missing options follow from the others."""
    assert scopes(tmp_path, lines) == (stop, kill)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("stop_scope=everybody", "expected one of process, group, tree"),
        ("stop_scope=gruop", "did you mean group?"),
        ("stop_scope=process\nstopasgroup=true", "leave stopasgroup out"),
        ("kill_scope=process\nkillasgroup=true", "leave killasgroup out"),
        ("stop_scope=tree\nkill_scope=group", "leave kill_scope out, or set it to tree"),
        ("stopasgroup=true\nkill_scope=process", "leave kill_scope out, or set it to group"),
        ("leftovers=kill", "expected one of keep, stop"),
        ("critical=perhaps", "expected true or false"),
    ],
)
def test_impossible_scopes_are_refused_with_a_way_out(tmp_path, lines, words):
    """The complaint names the option and the way out."""
    loaded = judged(tmp_path, lines)
    assert loaded.config is None
    assert any(words in problem.message and problem.line for problem in loaded.problems), loaded.problems


@pytest.mark.parametrize("lines", ["stop_scope=gruop\nstopasgroup=true", "stop_scope=tree\nkill_scope=gruop"])
def test_a_scope_that_cannot_be_read_contradicts_nothing(tmp_path, lines):
    """Only readable values are compared."""
    (problem,) = judged(tmp_path, lines).problems
    assert "did you mean group?" in problem.message


@pytest.mark.parametrize(
    ("master", "words"),
    [
        ("shutdown_when=any_death", "expected one of never, all_done, any_exit, any_fatal"),
        ("shutdown_timeout=soon", "expected seconds"),
        ("shutdown_timeout=0", "a duration above 0"),
        ("exit_code_from=wbe", "did you mean web?"),
        ("exit_code_from=nobody", "expected the name of a process, first_failure or none"),
    ],
)
def test_impossible_options_of_the_master_are_refused(tmp_path, master, words):
    """A wrong timeout, policy or name is refused with the expected values."""
    loaded = judged(tmp_path, "", master)
    assert loaded.config is None
    assert any(words in problem.message and problem.line for problem in loaded.problems), loaded.problems


def test_all_of_them_are_read(tmp_path):
    """Durations have units in INI too, because supervisor does not have these options."""
    lines = "leftovers=stop\ncritical=true"
    master = "shutdown_timeout=1m\nshutdown_when=any_fatal\nexit_code_from=web"
    config = judged(tmp_path, lines, master).config
    assert (config.master.shutdown_timeout, config.master.shutdown_when) == (60, ShutdownWhen.ANY_FATAL)
    assert config.master.exit_code_from == "web"
    (program,) = config.groups[0].programs
    assert (program.leftovers, program.critical) == (Leftovers.STOP, True)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("1m30s", 90), ("1.5s", 1.5), ("1h0m0.25s", 3600.25)])
def test_a_duration_is_written_as_after_budget(tmp_path, text, seconds):
    """The file accepts the same durations as `check --budget`."""
    assert judged(tmp_path, "", f"shutdown_timeout={text}").config.master.shutdown_timeout == seconds
    assert read_duration(text) == seconds


# ---- logs on the console


def logs(tmp_path, lines: str):
    loaded = judged(tmp_path, lines)
    assert loaded.config is not None, loaded.problems
    (program,) = loaded.config.groups[0].programs
    return (program.stdout_logfile, *program.stdout_also), (program.stderr_logfile, *program.stderr_also)


def test_a_dash_is_the_masters_own_stream_of_that_name(tmp_path):
    """It may be a pipe, a socket or a terminal."""
    assert logs(tmp_path, "stdout_logfile=-\nstderr_logfile=-") == (("/dev/stdout",), ("/dev/stderr",))


def test_a_log_may_go_to_several_places(tmp_path):
    """They are separated by commas; clients read the first one."""
    stdout, _ = logs(tmp_path, f"stdout_logfile={tmp_path}/web.log, -")
    assert stdout == (f"{tmp_path}/web.log", "/dev/stdout")


def test_syslog_may_be_one_of_them(tmp_path):
    """It has the effect of stdout_syslog=true."""
    config = judged(tmp_path, "stdout_logfile=-, syslog").config
    (program,) = config.groups[0].programs
    assert (program.stdout_logfile, program.stdout_also, program.stdout_syslog) == ("/dev/stdout", (), True)


@pytest.mark.parametrize(
    ("written", "first", "others"),
    [
        ('"{0}/web.log, -"', "{0}/web.log", ("/dev/stdout",)),
        ('["{0}/web.log", "-"]', "{0}/web.log", ("/dev/stdout",)),
        ('["{0}/a, b.log"]', "{0}/a, b.log", ()),
    ],
)
def test_toml_has_commas_and_a_list(tmp_path, written, first, others):
    """A text means the same as in INI; an item of a list may contain a comma."""
    path = tmp_path / "procman.toml"
    path.write_text(f'[program.web]\ncommand = "cat"\nstdout_logfile = {written.format(tmp_path)}\n')
    (program,) = read(str(path)).config.groups[0].programs
    assert (program.stdout_logfile, program.stdout_also) == (first.format(tmp_path), others)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("stdout_logfile=NONE, -", "take it out"),
        ("stdout_logfile=/nowhere/web.log, -", "does not exist"),
        ("log_format=yaml", "expected one of raw, prefix, json, logfmt"),
        ("log_format=jsno", "did you mean json?"),
        ("log_timestamp=rfc", "expected one of none, iso, epoch_ms"),
        ("log_overflow=wait", "expected one of block, drop"),
    ],
)
def test_a_wrong_place_or_form_is_refused(tmp_path, lines, words):
    """The message says what would be right."""
    loaded = judged(tmp_path, lines)
    assert loaded.config is None
    assert any(words in problem.message and problem.line for problem in loaded.problems), loaded.problems


@pytest.mark.parametrize(
    ("master", "journal", "maxbytes"),
    [
        ("", "memory", 10 << 20),
        ("journal=Memory", "memory", 10 << 20),
        ("journal=%(here)s/j", "{here}/j", 10 << 20),
        ("journal={here}/j\njournal_maxbytes=1MB", "{here}/j", 1 << 20),
    ],
)
def test_a_journal_is_in_memory_or_also_in_a_file(tmp_path, master, journal, maxbytes):
    """Its path is expanded as others are."""
    loaded = judged(tmp_path, "", master.format(here=tmp_path))
    assert loaded.config is not None, loaded.problems
    assert loaded.config.master.journal == journal.format(here=tmp_path)
    assert loaded.config.master.journal_maxbytes == maxbytes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("memroy", "did you mean memory?"),
        ("journal", "expected memory, or the path of a file such as /var/lib/procman/journal"),
        ("/tmp/", "expected memory, or the path of a file"),
        ("/no/such/folder/journal", "does not exist"),
    ],
)
def test_a_journal_that_cannot_be_has_a_way_out(tmp_path, value, words):
    """A misspelt word is no file in whatever folder the master stands in."""
    loaded = judged(tmp_path, "", f"journal={value}")
    assert loaded.config is None
    assert any(words in problem.message and problem.option == "journal" for problem in loaded.problems), loaded.problems

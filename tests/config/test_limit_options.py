"""The options of limits, in both forms, their mistakes, and what `procman check` says of this machine."""

import pytest

from procman.config.load import read
from procman.config.schema.options import Effect, options_of
from procman.config.schema.programs import Program
from procman.system.process_limits import online_cpus
from tests.config.test_restart_options import program

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("ini", "toml", "option", "value"),
    [
        ("rlimit_nofile=1024", "rlimit_nofile = 1024", "rlimit_nofile", (1024, 1024, False)),
        ("rlimit_nofile=?10:20", 'rlimit_nofile = "?10:20"', "rlimit_nofile", (10, 20, True)),
        ("rlimit_core=0:unlimited", 'rlimit_core = "0:unlimited"', "rlimit_core", (0, -1, False)),
        ("rlimit_as=1GB", 'rlimit_as = "1GB"', "rlimit_as", (1024 * MB, 1024 * MB, False)),
        ("rlimit_cpu=1h", 'rlimit_cpu = "1h"', "rlimit_cpu", (3600, 3600, False)),
        ("nice=?-5", 'nice = "?-5"', "nice", (-5, True)),
        ("ionice=idle", 'ionice = "idle"', "ionice", ("idle", 0, False)),
        ("ionice=best-effort:2", 'ionice = "best-effort:2"', "ionice", ("best-effort", 2, False)),
        ("oom_score_adj=-1000", "oom_score_adj = -1000", "oom_score_adj", (-1000, False)),
        ("cpu_affinity=0-2,5", 'cpu_affinity = ["0-2", 5]', "cpu_affinity", ((0, 1, 2, 5), False)),
        ("capabilities=none", "capabilities = []", "capabilities", ((), (), False)),
        ("capabilities=all,-cap_kill", 'capabilities = ["all", "-KILL"]', "capabilities", (("ALL",), ("KILL",), False)),
        ("memory_max=?512MB", 'memory_max = "?512MB"', "memory_max", (512 * MB, True)),
        ("cpu_max=150%%", "cpu_max = 150", "cpu_max", (150, False)),
        ("cpu_weight=50", "cpu_weight = 50", "cpu_weight", (50, False)),
        ("pids_max=unlimited", 'pids_max = "unlimited"', "pids_max", (-1, False)),
        ("memory_restart=100MB", 'memory_restart = "100MB"', "memory_restart", 100 * MB),
        ("memory_restart=0", "memory_restart = 0", "memory_restart", None),
        ("max_age=24h", 'max_age = "24h"', "max_age", 86400),
    ],
)
def test_both_forms_say_the_same(tmp_path, ini, toml, option, value):
    """Text, numbers and lists."""
    if toml == "capabilities = []":
        toml = 'capabilities = "none"'
    assert getattr(program(tmp_path, f"{ini}\n"), option) == value
    assert getattr(program(tmp_path, f"{toml}\n", "toml"), option) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("rlimit_nofile=20:10", "the soft limit is above the hard one: write SOFT:HARD, the smaller one first"),
        ("rlimit_nofile=many", "expected a whole number, or unlimited, for both limits"),
        ("rlimit_cpu=90ms", "expected whole seconds"),
        ("nice=20", "expected a whole number from -20 to 19"),
        ("ionice=first", "expected idle, best-effort:LEVEL or realtime:LEVEL"),
        ("ionice=realtime:8", "expected idle, best-effort:LEVEL or realtime:LEVEL"),
        ("oom_score_adj=2000", "expected a whole number from -1000 to 1000"),
        ("cpu_affinity=3-1", "expected numbers of processors such as 0-3,6"),
        ("capabilities=net_bind", "there is no capability net_bind"),
        ("capabilities=-kill", "a capability can only be taken away from all"),
        ("memory_max=512M", "did you mean 512MB?"),
        ("memory_max=0", "expected more than 0"),
        ("cpu_max=0", "expected a percentage above 0"),
        ("cpu_weight=0", "expected a whole number from 1 to 10000"),
        ("memory_measure=vss", "rss, pss"),
        ("user_group=no-such-group", "there is no group 'no-such-group': name one of this machine, or make it"),
        ("supplementary_groups=no-such-group", "there is no group 'no-such-group'"),
        ("private_tmp=0MB", "expected more than 0"),
        ("private_tmp=maybe", "expected true, false, or the size of each such as 64MB"),
        ("read_only_paths=usr", "usr: expected an absolute path, which begins with /"),
        ("inaccessible_paths=/srv/../etc", "/srv/../etc: write the path without .."),
    ],
)
def test_a_mistake_has_its_line_and_the_way_out(tmp_path, line, message):
    """File, line, section and option stand before it."""
    [problem] = program(tmp_path, f"{line}\n")
    option = line.partition("=")[0]
    assert problem.startswith(f"{tmp_path}/p.conf:4: [program:web] {option}: ")
    assert message in problem


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("memory_interval=5\n", "without effect, as there is no memory_restart"),
        ("memory_restart=600MB\nmemory_max=512MB\n", "it is never restarted for 600MB"),
        ("memory_high=600MB\nmemory_max=512MB\n", "memory_high is never reached, as memory_max is 512MB"),
        ("rlimit_rss=1MB\n", "Linux ignores this limit: memory_max limits the memory in use"),
    ],
)
def test_what_cannot_be_meant_is_a_warning(tmp_path, lines, message):
    """The program is started all the same."""
    path = tmp_path / "p.conf"
    path.write_text(f"[supervisord]\n[program:web]\ncommand=/bin/cat\n{lines}")
    loaded = read(str(path))
    assert loaded.config is not None
    assert any(message in problem.message and problem.line for problem in loaded.problems)


@pytest.mark.parametrize("option", ["memory_restart=1MB", "max_age=5s"])
def test_a_oneshot_is_not_restarted(tmp_path, option):
    """Its own limits are named."""
    [problem] = program(tmp_path, f"type=oneshot\n{option}\n")
    assert "a one-shot is not restarted" in problem


def test_a_processor_that_is_not_there_is_an_error_of_check(tmp_path):
    """Of a start, too; only with a question mark it is a warning."""
    path = tmp_path / "p.conf"
    cpu = online_cpus()[-1] + 1
    for mark, severity in (("", "error"), ("?", "warning")):
        path.write_text(f"[supervisord]\n[program:web]\ncommand=/bin/cat\ncpu_affinity={mark}0,{cpu}\n")
        [problem] = [one for one in read(str(path), places=True).problems if one.option == "cpu_affinity"]
        assert (problem.severity, problem.line) == (severity, 4)
        assert f"there is no processor {cpu} here" in problem.message


def test_what_is_seen_of_the_file_system_in_both_forms(tmp_path):
    """A text or a list, a best effort by a question mark, sizes; and each change of it is a restart."""
    ini, toml = tmp_path / "p.conf", tmp_path / "p.toml"
    ini.write_text(
        "[supervisord]\n[program:web]\ncommand=/bin/cat\nprivate_tmp=?64MB\nread_only_paths=//usr/./lib/, ?/opt\n"
        "read_write_paths=/var\n"
    )
    toml.write_text(
        '[program.web]\ncommand = "/bin/cat"\nprivate_tmp = "?64MB"\nread_only_paths = ["/usr/lib", "?/opt"]\n'
        'read_write_paths = "/var"\n'
    )
    for path in (ini, toml):
        [group] = read(str(path)).config.groups
        [one] = group.programs
        assert (one.private_tmp, one.read_only_paths) == ((64 << 20, True), ("/usr/lib", "?/opt"))
        assert (one.read_write_paths, one.inaccessible_paths) == (("/var",), ())
    for text, value in (("true", (-1, False)), ("false", None)):
        toml.write_text(f'[program.web]\ncommand = "/bin/cat"\nprivate_tmp = {text}\n')
        assert read(str(toml)).config.groups[0].programs[0].private_tmp == value
    for name in ("private_tmp", "read_only_paths", "read_write_paths", "inaccessible_paths"):
        assert options_of(Program)[name].effect is Effect.RESTART


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("private_tmp=true\ndirectory=/tmp\n", ""),
        ("private_tmp=true\ndirectory=/tmp/there\n", "private_tmp hides /tmp/there from it"),
        ("inaccessible_paths=/usr\n", "inaccessible_paths hides /usr/bin/cat from it"),
        ("read_write_paths=/var\n", "without effect, as there are no read_only_paths"),
        ("read_only_paths=/not/there\n", "there is no /not/there: make it, or put a ? in front"),
        ("private_tmp=true\nread_only_paths=/tmp/x\n", "private_tmp hides /tmp/x from it"),
    ],
)
def test_a_view_that_hides_what_it_needs_is_a_warning_of_check(tmp_path, lines, message):
    """A directory of its own is no trouble."""
    path = tmp_path / "p.conf"
    path.write_text(f"[supervisord]\n[program:web]\ncommand=/usr/bin/cat\n{lines}")
    found = [one.message for one in read(str(path), places=True).problems if one.slug == "impossible-limit"]
    found = [text for text in found if "CAP_SYS_ADMIN" not in text]
    assert [text[: len(message)] for text in found] == ([message] if message else [])

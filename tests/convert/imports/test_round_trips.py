"""What procman exports comes back by an import, as far as the engine knows it; INI as TOML means the same."""

import dataclasses

import pytest

from procman.config.assumptions import Assumptions
from procman.config.load import load
from procman.convert import compose as compose_export
from procman.convert import systemd as systemd_export
from procman.convert.imports import compose, supervisord, systemd
from procman.convert.imports.source import Source
from tests.support.export_checks import configured, target

ASSUMED = {"users": {"nobody": 65534}, "groups": {"nogroup": 65534}, "directories": frozenset({"/tmp"})}

CONFIG = """
[program.web]
command = ["/usr/bin/web", "--name", "two words", "--rate=5%%", "it's $HOME"]
directory = "/tmp"
user = "nobody"
autorestart = true
stopsignal = "QUIT"
stopwaitsecs = 7
environment = { A = "1", B = "two words", C = "100%%", D = "$5" }
depends_on = ["db@started", "setup@done"]
rlimit_nofile = "1024:2048"
memory_max = "512MB"
cpu_max = 150
pids_max = 50
oom_score_adj = 100
no_new_privs = true
env_file = ["/etc/web.env"]
stop_scope = "tree"
private_tmp = "64MB"
read_only_paths = ["/"]

[program.db]
command = "/usr/bin/db -D /tmp"
autorestart = "unexpected"
exitcodes = [0]

[program.setup]
type = "oneshot"
command = "/usr/bin/setup"
run_timeout = "10m"

[program.worker]
command = "/usr/bin/worker"
numprocs = 3
process_name = "worker_%(process_num)d"
autorestart = false
restart_strategy = "rolling"
rolling_batch = 2
"""


def loaded(folder, draft):
    file = folder / "imported.toml"
    file.write_text(draft.text())
    return load(str(file), assume=Assumptions(**ASSUMED))


def programs(config):
    return {program.name: program for group in config.groups for program in group.programs}


def same(before, after, options):
    for option in options:
        assert getattr(after, option) == getattr(before, option), f"{before.name}: {option}"


COMMON = ("command", "environment", "autorestart", "stopsignal", "rlimits", "memory_max", "cpu_max", "pids_max")
COMMON += ("oom_score_adj", "no_new_privs", "user", "depends_on", "is_oneshot", "read_only_paths")


def test_compose_gives_back_what_it_knows(tmp_path):
    """Commands, variables, limits, dependencies and replicas are as before; the grace period has 5 s to spare."""
    config = configured(tmp_path, CONFIG, name="procman.toml", **ASSUMED)
    exported = compose_export.export(config, target(split=True))
    draft = compose.read([Source(name, text) for name, text in exported.files.items()])
    before, after = programs(config), programs(loaded(tmp_path, draft))
    for name in ("web", "db", "setup"):
        options = [option for option in COMMON if hasattr(before[name], option)]
        same(before[name], after[name], [option for option in options if option not in ("command", "depends_on")])
        assert after[name].stopwaitsecs == before[name].stopwaitsecs + 5
    assert after["web"].directory == "/tmp"
    assert after["web"].private_tmp == before["web"].private_tmp
    assert {str(edge) for edge in after["web"].depends_on} >= {"db@started", "setup@done"}
    workers = [program for name, program in after.items() if name.startswith("worker")]
    assert [(worker.restart_strategy, worker.rolling_batch) for worker in workers] == 3 * [("rolling", (2, False))]


def test_units_give_back_what_they_know(tmp_path):
    """Commands, variables, restarts, limits, scopes and dependencies are as before."""
    config = configured(tmp_path, CONFIG, name="shop.toml", **ASSUMED)
    exported = systemd_export.export(config, target(split=True))
    draft = systemd.read([Source(name, text) for name, text in exported.files.items()])
    before = programs(config)
    after = {name.removeprefix("shop-"): program for name, program in programs(loaded(tmp_path, draft)).items()}
    assert set(after) == {"web", "db", "setup", "worker_0", "worker_1", "worker_2"}
    for name, program in after.items():
        options = [option for option in COMMON if hasattr(program, option) and option not in ("command", "depends_on")]
        same(
            before[name], program, [*options, "stopwaitsecs", "stop_scope", "run_timeout"] if name == "web" else options
        )
    assert after["web"].env_file == before["web"].env_file
    assert after["web"].private_tmp is not None
    assert {edge.target for edge in after["web"].depends_on} == {"shop-db", "shop-setup"}


@pytest.mark.parametrize(
    "command", ["/bin/echo 'two  words' \"it's\" %%", "/bin/echo $HOME '$HOME' \\\\ a\\ b", '/bin/x \'\' "\\""']
)
def test_words_survive_both_ways(tmp_path, command):
    """Quotes, dollars, percent signs, backslashes and empty words are the same words after an export and an import."""
    from procman.system.shell_split import split_words

    config = configured(tmp_path, f"[program:web]\ncommand={command}\n")
    wanted = split_words(programs(config)["web"].command)
    for export, read in ((compose_export, compose), (systemd_export, systemd)):
        files = export.export(config, target(split=True)).files
        (program,) = programs(loaded(tmp_path, read.read([Source(*file) for file in files.items()]))).values()
        assert split_words(program.command) == wanted


INI = """
[supervisord]
logfile=/tmp/s.log
environment=M="1",P="50%%%%"
[program:web]
command=/bin/echo %(ENV_M)s "two words" 5%%
process_name=%(program_name)s_%(process_num)02d
numprocs=2
autorestart=unexpected
exitcodes=0,2
stopsignal=QUIT
stopwaitsecs=30
startsecs=0
umask=022
environment=A="x,y",B='z'
stdout_logfile=/tmp/%(program_name)s_%(process_num)d.log
stdout_logfile_maxbytes=1MB
[program:one]
command=/bin/true
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
[group:all]
programs=web,one
priority=5
[eventlistener:mail]
command=/bin/mail
events=PROCESS_STATE,TICK_5
"""


def test_a_supervisord_conf_means_the_same_as_toml(tmp_path):
    """All processes, groups and options of the master are equal, but for where each was set."""
    ini = tmp_path / "supervisord.conf"
    ini.write_text(INI)
    before = load(str(ini), assume=Assumptions(**ASSUMED))
    after = loaded(tmp_path, supervisord.read([Source(str(ini), INI)]))
    assert dataclasses.replace(after.master, umask=before.master.umask) == before.master
    assert len(after.groups) == len(before.groups)
    for one, other in zip(before.groups, after.groups, strict=True):
        assert (one.name, one.priority, one.listener) == (other.name, other.priority, other.listener)
        assert one.programs == other.programs

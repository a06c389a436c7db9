"""A configuration means the same after the master has left the folder where it was started."""

import asyncio
import os

import pytest

from procman.config.problems import ConfigError
from procman.daemon import config_source
from procman.daemon.config_source import ConfigSource
from procman.runtime.call_queue import CallQueue

FILE = """
[supervisord]
logfile=master.log
pidfile=master.pid
[program:web]
command=/bin/sleep 1000
stdout_logfile=logs/out.log
stderr_logfile=AUTO
[program:db]
command=/bin/sleep 1000
directory=data
stdout_logfile=NONE
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the master was started; the tests stand elsewhere."""
    (tmp_path / "start/logs").mkdir(parents=True)
    (tmp_path / "start/data").mkdir()
    (tmp_path / "start/x.conf").write_text(FILE)
    monkeypatch.chdir("/")
    return tmp_path / "start"


def programs(config):
    return {program.name: program for group in config.groups for program in group.programs}


def source(folder, started_in=None):
    return ConfigSource(str(folder / "x.conf"), {}, allow_writable=True, folder=started_in)


def test_relative_paths_become_absolute(folder):
    """AUTO and NONE are no paths; programs without a directory run where the master was started."""
    config = source(folder, str(folder)).read()
    web, db = programs(config)["web"], programs(config)["db"]
    assert (config.master.logfile, config.master.pidfile) == (f"{folder}/master.log", f"{folder}/master.pid")
    assert (web.directory, web.stdout_logfile, web.stderr_logfile) == (str(folder), f"{folder}/logs/out.log", "AUTO")
    assert (db.directory, db.stdout_logfile) == (f"{folder}/data", None)
    assert os.getcwd() == "/"


def test_the_directory_of_the_master_is_that_of_its_programs(folder):
    """As under supervisord; the master's own files stay where it was started."""
    (folder / "x.conf").write_text(FILE.replace("[supervisord]", "[supervisord]\ndirectory=data"))
    config = source(folder, str(folder)).read()
    assert programs(config)["web"].directory == f"{folder}/data"
    assert config.master.logfile == f"{folder}/master.log"


def test_a_definition_has_one_fingerprint_in_both_places(folder, monkeypatch):
    """So a master in the foreground adopts what a daemon has left running, and the other way round."""
    monkeypatch.chdir(folder)
    here = source(folder)
    left = source(folder, str(folder))
    before = {name: here.fingerprint(program) for name, program in programs(here.read()).items()}
    after = {name: left.fingerprint(program) for name, program in programs(left.read()).items()}
    assert before["web"] == after["web"]
    assert before["web"] != before["db"]


def test_a_folder_that_is_gone_is_a_problem_of_the_configuration(folder):
    """The message says what to do."""
    with pytest.raises(ConfigError, match="where this master was started: No such file or directory; make it again"):
        source(folder, str(folder / "gone")).read()


def test_a_result_handler_that_cannot_be_imported_is_a_problem_of_the_configuration(folder):
    """It is found when the file is read, and not when the first event is answered."""
    listener = "[supervisord]\n[eventlistener:x]\ncommand=/bin/cat\nevents=TICK\nresult_handler=json:nothing\n"
    (folder / "x.conf").write_text(listener)
    with pytest.raises(ConfigError, match="result_handler"):
        source(folder).read()


def looked(source, within=30.0):
    """What a look at the file finds."""

    async def steps():
        return await source.look(CallQueue(within))

    return asyncio.run(steps())


def test_a_look_takes_nothing_over(folder):
    """It changes nothing of how the file is read."""
    (folder / "x.conf").write_text("[supervisord]\n[program:web]\ncommand=/bin/cat\n")
    looking = source(folder)
    config, warnings = looked(looking)
    assert set(programs(config)) == {"web"}
    assert (warnings, looking) == ([], source(folder))


def test_a_look_at_a_file_that_cannot_be_used(folder):
    """There is no configuration, and a warning with the line and the way out."""
    (folder / "x.conf").write_text("[supervisord]\n[program:web]\n")
    config, (warning,) = looked(source(folder))
    assert config is None
    assert warning.startswith(f"the configuration on the disk cannot be used: {folder}/x.conf:2: [program:web]")


def test_a_look_that_takes_too_long(folder, monkeypatch):
    """It is given up, and says so; the disk may answer later."""
    monkeypatch.setattr(config_source, "WARN_WITHIN", 0.0)
    config, (warning,) = looked(source(folder))
    assert config is None
    assert warning.endswith("does its disk answer?")

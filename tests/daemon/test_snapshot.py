"""A snapshot of a running master is data with a version; those of every version since 2 are understood."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from procman.config.snapshot import read_config, write_config
from procman.core.spec import Autorestart, Scope
from procman.daemon.handover import CannotTakeOver, from_file, to_file
from procman.daemon.snapshot import VERSION, read, restored_fleet
from procman.events.pool import Pool
from procman.events.protocol import ListenerState
from procman.services.metrics.counters import Counters
from procman.system.state_file import StateFile

GOLDEN = sorted((Path(__file__).parent / "golden").glob("version-*.json"))
NEWEST = GOLDEN[-1]

every_version = pytest.mark.parametrize("file", GOLDEN, ids=[file.stem for file in GOLDEN])


def golden(file=NEWEST):
    return json.loads(file.read_text())


def test_there_is_an_example_of_the_present_version():
    """Each VERSION has its golden file; `python -m tests.daemon.golden.make` makes it."""
    assert golden()["version"] == VERSION
    assert [golden(file)["version"] for file in GOLDEN] == list(range(2, VERSION + 1))


@every_version
def test_the_configuration_of_every_version_is_read(file):
    """Each value has the type that it has after loading a file."""
    snapshot = read(golden(file))
    groups = {group.name: group for group in snapshot.config.groups}
    web = groups["web"].programs[1]
    assert (web.namespec, web.stopsignal, web.stop_scope) == ("web:web-1", signal.SIGINT, Scope.TREE)
    assert (web.autorestart, web.exitcodes) == (Autorestart.ALWAYS, (0, 2))
    assert web.environment == {"NAME": "value", "_": "underscore"}
    assert web.stdout_logfile == "/srv/golden/web-1.log"
    assert groups["app"].socket.mode == 0o770
    assert groups["listener"].listener.events == ("REMOTE_COMMUNICATION",)
    assert [type(server).__name__ for server in snapshot.config.servers] == ["InetServer", "UnixServer"]
    assert snapshot.config.master.identifier == "golden"
    # The file was read again since.
    buffer_sizes = [
        group.listener.buffer_size
        for config in (snapshot.config, snapshot.current)
        for group in config.groups
        if group.listener is not None
    ]
    assert buffer_sizes == [5, 6]
    hash(web)


@every_version
def test_a_fleet_goes_on_from_every_version(file):
    """Each process is in the state that it was in, with the program of the configuration."""
    snapshot = read(golden(file))
    fleet = restored_fleet(snapshot)
    assert {name: process.state.name for name, process in fleet.processes.items()} == {
        "listener": "RUNNING",
        "pair:gone": "EXITED",
        "pair:fatal": "FATAL",
        "app": "RUNNING",
        "backoff": "BACKOFF",
        "console": "RUNNING",
        "stdin": "RUNNING",
        "stubborn": "STOPPING",
        "web:web-0": "RUNNING",
        "web:web-1": "RUNNING",
    }
    programs = {program.namespec: program for group in snapshot.config.groups for program in group.programs}
    assert {name: process.program for name, process in fleet.processes.items()} == programs
    assert fleet.processes["pair:gone"].exit_status.code == 1
    assert fleet.processes["stubborn"].wanted is False
    assert fleet.next_deadline() is not None
    assert set(snapshot.times) == set(programs)


@every_version
def test_a_pool_goes_on_from_every_version(file):
    """Its listener is busy with an event, and two more wait."""
    snapshot = read(golden(file))
    (group,) = (group for group in snapshot.config.groups if group.listener is not None)
    pool = Pool(group, lambda *_: None, "golden", SimpleNamespace())
    pool.restore(snapshot.pools[0])
    again = pool.snapshot()
    (member,) = again["members"]
    assert member["conversation"] == [ListenerState.BUSY.name, "", None]
    assert [event["text"] for event in (member["event"], *again["waiting"])] == [
        "type:heard\nx",
        "type:waiting\nx",
        "type:waiting too\nx",
    ]


@every_version
def test_the_ledger_goes_on_from_every_version(file):
    """It names all that run."""
    snapshot = read(golden(file))
    pids = {process.pid for process in restored_fleet(snapshot).processes.values() if process.pid}
    assert {record["pid"] for record in StateFile.restore(snapshot.ledger).snapshot()["records"]} == pids


@every_version
def test_counters_go_on_from_every_version(file):
    """Masters that had no metrics have counted reaped orphans and upgrades all the same."""
    snapshot, counters = read(golden(file)), Counters()
    counters.restore(snapshot.metrics)
    assert (counters.began, counters.upgrades) == (snapshot.began, snapshot.upgrades + 1)
    assert counters.orphans == snapshot.engine["orphans"]


def test_counters_of_this_version_are_handed_over():
    """They are an optional part, which masters of the same version may lack."""
    counters = Counters()
    counters.orphans = 77
    after = Counters()
    after.restore(read({**golden(), "metrics": json.loads(json.dumps(counters.snapshot()))}).metrics)
    assert after.orphans == 77


@every_version
def test_every_descriptor_is_listed(file):
    """One that is not would be closed when the next code is executed."""
    snapshot = read(golden(file))
    used = [
        snapshot.pidfile,
        snapshot.ledger["fd"],
        *snapshot.listening.values(),
        *(socket["fd"] for socket in snapshot.engine["sockets"]),
        *(fd for stream in snapshot.outputs["streams"] for fd, _ in stream["pipes"]),
        *(stdin["fd"] for stdin in snapshot.outputs["stdin"]),
    ]
    assert sorted(snapshot.descriptors) == sorted(used)


def test_what_is_written_is_what_was_read():
    """Nothing of a configuration is lost on the way through a file."""
    config = read(golden()).config
    assert read_config(json.loads(json.dumps(write_config(config)))) == config


def test_an_unknown_option_is_ignored_and_a_missing_one_has_its_default():
    """The other code may be newer or older, and know other options."""
    data = golden()
    for group in data["config"]["groups"]:
        for program in group["programs"]:
            program["brand_new"] = True
            del program["autostart"]
    config = read(data).config
    assert all(program.autostart for group in config.groups for program in group.programs)


@pytest.mark.parametrize("version", [0, 1, VERSION + 1, "x", None])
def test_another_version_is_refused(version):
    """It says which versions meet."""
    refusal = f"what was handed over is of version {version}, and this procman reads version {VERSION}"
    with pytest.raises(CannotTakeOver, match=refusal):
        read(golden() | {"version": version})


@pytest.mark.parametrize("key", sorted(golden()))
def test_a_missing_part_is_refused(key):
    """Before anything has been given up."""
    data = golden()
    del data[key]
    with pytest.raises(CannotTakeOver, match=f"cannot understand what was handed over: KeyError\\('{key}'\\)"):
        read(data)


@pytest.mark.parametrize("data", [None, [], "text", {}])
def test_something_else_is_refused(data):
    """As when a variable of that name was set by chance."""
    with pytest.raises(CannotTakeOver):
        read(data)


def test_it_travels_in_a_file(tmp_path):
    """What is read is what was written; something else in that file is refused."""
    fd = to_file(golden())
    assert from_file(fd) == golden()
    (tmp_path / "other").write_text("{")
    with (tmp_path / "other").open() as other, pytest.raises(CannotTakeOver, match="cannot read what was handed over"):
        from_file(other.fileno())

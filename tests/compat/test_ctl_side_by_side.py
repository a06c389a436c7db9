"""The same commands in supervisorctl against supervisord, and in both clients against procman."""

from concurrent.futures import ThreadPoolExecutor
from pkgutil import iter_modules

import pytest

from procman.cli import procmanctl_commands as commands
from procman.cli.exit_statuses import NO_MASTER
from procman.cli.exit_statuses import PROCMANCTL as REFERENCE
from tests.support.ctl_script import run_script
from tests.support.side_by_side import PROCMAN, SUPERVISORD, running
from tests.support.supervisord_forked import Forked

pytestmark = pytest.mark.slow

SUPERVISORCTL = ("supervisor.supervisorctl:main", "supervisor.xmlrpc", "supervisor.rpcinterface")
PROCMANCTL = (
    "procman.cli.procmanctl:main",
    "procman.client.api_client",
    *(f"procman.cli.procmanctl_commands.{module.name}" for module in iter_modules(commands.__path__)),
)
PEERS = {
    "supervisor": (SUPERVISORD, SUPERVISORCTL),
    "procmanctl": (PROCMAN, PROCMANCTL),
    "supervisorctl": (PROCMAN, SUPERVISORCTL),
}


def converse(master, ctl):
    with running(master) as folder, Forked(*ctl) as client:
        return run_script(client.run, folder)


def test_both_clients_say_of_procman_what_supervisorctl_says_of_supervisord():
    """Every line of the script has the same output and exit status, apart from pids, times and paths."""
    pytest.importorskip("supervisor", reason="the oracle is not installed: pip install supervisor==4.3.0")
    with ThreadPoolExecutor() as pool:
        asked = {name: pool.submit(converse, *peer) for name, peer in PEERS.items()}
        said = {name: answer.result() for name, answer in asked.items()}
    assert len(said["supervisor"]) >= 60
    for client in ("procmanctl", "supervisorctl"):
        pairs = zip(said["supervisor"], said[client], strict=True)
        assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert [answer for answer in said["procmanctl"] if answer.status not in documented(answer.words[0])] == []


def documented(word):
    """The exit statuses of a command in the reference."""
    entry = REFERENCE.get(word)
    if entry is None:
        return {0, 1}  # unknown syntax
    unreachable = commands.COMMANDS[word].unreachable
    return {0, *entry.exits, *(NO_MASTER if unreachable is None else {unreachable})}

"""The same commands typed into supervisorctl against supervisord, and into procmanctl against procman."""

import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ctl_script import run_script, write_config

BIN = Path(sys.executable).parent
PEERS = {
    "supervisor": ([BIN / "supervisord", "-n"], [BIN / "supervisorctl"]),
    "procman": ([sys.executable, "-m", "procman"], [sys.executable, "-m", "procman.cli.procmanctl"]),
    "supervisorctl to procman": ([sys.executable, "-m", "procman"], [BIN / "supervisorctl"]),
}


@pytest.fixture(scope="module")
def said():
    """What both said to each line, under the name of the peer."""
    pytest.importorskip("supervisor", reason="the oracle is not installed: pip install supervisor==4.3.0")
    with ThreadPoolExecutor() as pool:
        answers = {name: pool.submit(converse, *peer) for name, peer in PEERS.items()}
        return {name: answer.result() for name, answer in answers.items()}


def converse(master, ctl):
    # A unix socket's path is short; pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="ctl") as name:
        folder = Path(name)
        config = write_config(folder)
        process = subprocess.Popen(
            [*master, "-c", config],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            for line in process.stdout:
                if "started with pid" in line:
                    break
            with (folder / "out").open("w") as out, ThreadPoolExecutor(1) as reader:
                # Nobody may ever stop reading supervisord's stdout.
                reader.submit(out.writelines, process.stdout)
                try:
                    return run_script(ctl, folder)
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(60)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.parametrize("peer", ["procman", "supervisorctl to procman"])
def test_both_clients_say_to_procman_what_supervisorctl_says_to_supervisord(said, peer):
    """The same output and the same exit status for every line of the script, pids, times and paths apart."""
    pairs = list(zip(said["supervisor"], said[peer], strict=True))
    assert len(pairs) >= 60
    assert [pair for pair in pairs if pair[0] != pair[1]] == []

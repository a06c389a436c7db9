"""The Python clients and the examples of docs/how-to/from-python.md, against a real master."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import procman
from tests.support.certificates import Authority
from tests.support.free_ports import free_port
from tests.support.running_master import SLEEPER, RunningMaster

EXAMPLES = Path(__file__).parents[2] / "docs/how-to/from-python"
WEB = f"[program:web]\ncommand=sh -c 'echo hello; exec {SLEEPER}'\nstartsecs=0\nready=log:hello\n"
WORKERS = (
    f"[program:worker]\ncommand={SLEEPER}\nstartsecs=0\nnumprocs=1\nnumprocs_max=3\nprocess_name=%(process_num)d\n"
)
JOB = "[program:job]\ntype=oneshot\ncommand=sh -c 'echo out; echo err >&2; exit 3'\nautostart=false\n"
BROKEN = "[program:broken]\ncommand=/bin/false\nautostart=false\nstartretries=0\n"


@pytest.fixture
def master(tmp_path) -> Iterator[RunningMaster]:
    with RunningMaster(tmp_path, WEB + WORKERS + JOB + BROKEN) as master:
        master.wait_for("success: web ")
        yield master


def example(
    master: RunningMaster, name: str, *arguments: str, said: str | None = None, **more
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, EXAMPLES / name, *arguments],
        stdin=subprocess.PIPE if said is None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PROCMAN_SERVER_URL": f"unix://{master.socket}"},
        **more,
    )


def test_the_blocking_client(master):
    """Processes, operations, runs, logs, the journal, metrics, plans, a refusal."""
    with procman.Client(f"unix://{master.socket}") as client:
        client.wait_until_ready()
        pid = client.process("web")["pid"]
        client.restart("web")
        assert client.process("web")["pid"] != pid
        assert client.run("job")[:5] == (3, False, "exit status 3", "out\n", "err\n")
        assert client.log("web") == b"hello\nhello\n"
        with client.logs("web", channel="stdout", follow=True) as pieces:
            assert "hello\n" in next(piece["data"] for piece in pieces if piece["data"])
        assert [one["to"] for one in client.journal("web", kind="state")][-2:] == ["STARTING", "RUNNING"]
        with client.follow_journal("web") as records:
            client.signal("CONT", "web")
            assert next(records)["kind"] == "signal"
        assert client.whoami()["role"] == "admin"
        assert "procman_process_up" in client.metrics()
        assert client.scale("worker", "+1")["scale"]["numprocs"] == 2
        client.rolling_restart("worker")
        assert client.plan()["changes"] == []
        with pytest.raises(procman.NotDone, match=r"^cannot start broken: spawn error$"):
            client.start("broken")
        assert client.crash(client.crashes("broken")[0]["seq"])["exit"]["code"] == 1
        assert client.why("broken")["explanations"][0]["statename"] == "FATAL"
        with pytest.raises(procman.NotYet, match=r"cannot become ready: .*broken"):
            client.wait_until_ready()


def test_the_client_for_asyncio(master):
    """Several calls at the same time, beside a stream."""

    async def main() -> None:
        async with procman.AsyncClient(f"unix://{master.socket}") as client, client.events() as events:
            first = await anext(events)
            assert "web" in first["names"]
            await asyncio.gather(client.restart("web"), client.stop("worker:*"), client.run("job"))
            async for change in events:
                if any(one["name"] == "web" and one["statename"] == "RUNNING" for one in change["processes"]):
                    break

    asyncio.run(main())


@pytest.mark.slow
def test_the_deploy_script(master):
    """It applies what has changed, and rolls back what does not come up."""
    master.write(WEB.replace("hello", "good bye") + WORKERS + JOB)
    ran = example(master, "deploy.py", "20", said="")
    assert "web: restarted" in (out := ran.communicate()[0])
    assert (ran.returncode, out.splitlines()[-1]) == (0, "done")
    master.write(WEB.replace("echo hello; exec", "exit 1;").replace("secs=0", "secs=1\nstartretries=0") + WORKERS + JOB)
    ran = example(master, "deploy.py", "20", said="")
    assert "rolling back" in ran.communicate()[0]
    assert ran.returncode == 1
    with procman.Client(f"unix://{master.socket}") as client:
        client.wait_until_ready()
        assert b"good bye" in client.log("web")


@pytest.mark.slow
def test_the_autoscaler(master):
    """Thirty tasks want three workers, which is also the most that the file allows."""
    with example(master, "autoscaler.py", "worker", "10", "echo", "35", said="") as scaler:
        assert scaler.stdout is not None
        assert scaler.stdout.readline() == "worker: 1 -> 3\n"
        scaler.terminate()


@pytest.mark.slow
def test_the_chat_bot(master):
    """It answers, and tells of failures."""
    with example(master, "chat_bot.py") as bot:
        assert bot.stdin is not None
        assert bot.stdout is not None
        for line, answer in (
            ("status\n", "broken: STOPPED\n"),
            ("restart web\n", "job: STOPPED\n"),
        ):
            bot.stdin.write(line)
            bot.stdin.flush()
            assert bot.stdout.readline() == answer
        assert [bot.stdout.readline() for _ in range(3)] == [
            "web: RUNNING\n",
            "worker:0: RUNNING\n",
            "web is up again\n",
        ]
        master.call("POST", "/v1/processes/broken/start", {"wait": False})
        assert bot.stdout.readline().startswith("broken has failed: ")
        bot.stdin.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_both_clients_over_tls_with_a_token(tmp_path):
    """Certificates of both sides are checked, and the token says what a client may do."""
    authority, port = Authority(tmp_path), free_port()
    certificate, key = authority.issue("server")
    mine, my_key = authority.issue("client")
    (tmp_path / "tokens").write_text(hashlib.sha256(b"secret-word").hexdigest() + "\n")
    server = (
        f"[inet_http_server]\nport=127.0.0.1:{port}\naccess=roles\n"
        f"certfile={certificate}\nkeyfile={key}\nclient_ca={authority.file}\n"
        f"[access:ci]\ntoken_file={tmp_path}/tokens\nallow=read\n"
    )
    with RunningMaster(tmp_path, WEB + server) as master:
        master.wait_for("success: web ")
        address = f"https://localhost:{port}"
        given = {"token": "secret-word", "cacert": authority.file, "cert": mine, "key": my_key}

        async def ask(**options: str) -> str:
            async with procman.AsyncClient(address, **options) as client, client.events() as events:
                assert "web" in (await anext(events))["names"]
                return (await client.whoami())["role"]

        with procman.Client(address, **given) as client, client.events() as events:
            assert "web" in next(events)["names"]
            assert client.whoami()["role"] == asyncio.run(ask(**given)) == "read"
            with pytest.raises(procman.Forbidden, match="it takes the role operate"):
                client.restart("web")
        with pytest.raises(procman.AuthRequired):
            asyncio.run(ask(**given | {"token": "another-word"}))
        with pytest.raises(procman.Unreachable, match="its certificate cannot be trusted"):
            asyncio.run(ask(token="secret-word"))
        with (
            pytest.raises(procman.Unreachable, match="certificate"),
            procman.Client(address, token="secret-word") as client,
        ):
            client.master()
        del given["cert"], given["key"]
        with pytest.raises(procman.Unreachable):
            asyncio.run(ask(**given))

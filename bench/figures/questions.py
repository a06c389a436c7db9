"""How fast a master answers, when idle and during a flood."""

import statistics
import time
from collections.abc import Collection
from functools import partial

from figure import Case, Effort, Figure, Values
from figures.restarts import percentile
from lifetime import Life, run_quietly
from rpc_client import MetricsClient, RpcClient
from supervisors import Peer
from workload import Log, Programs

_ROTATED = 10 * 1000 * 1000


def _status(count: int, peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    took = []
    with Life(peer, Programs("stay", count)) as life:
        life.boot_and_settle()
        command = peer.status(life)
        assert command is not None
        for number in range(effort.of(11, 4)):
            began = time.monotonic()
            run_quietly(command)
            if number:  # the first is the disk's
                took.append((time.monotonic() - began) * 1000)
    return {f"status {count}": took}


def _asked(count: int, peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    with Life(peer, Programs("stay", count)) as life:
        life.boot_and_settle()
        with RpcClient(life.socket, "supervisor.getAllProcessInfo") as asking:
            asking.ask()
            values = {f"info {count}": [statistics.median(asking.times(effort.of(300, 50), 3)) * 1000]}
        if count == 100:
            with RpcClient(life.socket, "supervisor.getState") as asking:
                asking.ask()
                took = [seconds * 1000 for seconds in asking.times(effort.of(2000, 300), 3)]
            values |= {"state p50": [statistics.median(took)], "state p99": [percentile(took, 99)]}
    return values


def _scraped(count: int, peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    with Life(peer, Programs("stay", count)) as life:
        life.boot_and_settle()
        with MetricsClient(life.socket) as asking:
            asking.ask()  # that imports what only metrics need
            time.sleep(5)  # for so long the figures of trees are kept
            fresh = asking.ask() * 1000
            took = [seconds * 1000 for seconds in asking.times(effort.of(100, 20), 3)]
    return {f"metrics {count}": took, f"metrics {count} fresh": [fresh]}


def _flooded(peer: Peer, effort: Effort, _wanted: Collection[str]) -> Values:
    flood = Programs("flood 0", 50, log=Log.FILE, maxbytes=_ROTATED, backups=1)
    with Life(peer, flood, Programs("exit", 20, startsecs=0)) as life:
        life.boot_and_settle()
        with RpcClient(life.socket, "supervisor.getState") as asking:
            asking.ask()
            before, began = life.events.bytes, time.monotonic()
            took = [seconds * 1000 for seconds in asking.times(10**6, effort.of(6, 3))]
            rate = (life.events.bytes - before) / 2**20 / (time.monotonic() - began)
    return {"flooded p99": [percentile(took, 99)], "flooded log": [rate]}


def _is_asked(peer: Peer) -> bool:
    return peer.answers


CASES = (
    Case((Figure("status 1", "status", "ctl status, 1 program, whole process", "ms", 30),), partial(_status, 1)),
    Case((Figure("status 100", "status", "ctl status, 100 programs, whole process", "ms", 33),), partial(_status, 100)),
    Case(
        (Figure("info 10", "info", "getAllProcessInfo, 10 programs, p50", "ms", 0.3, digits=2),),
        partial(_asked, 10),
        can=_is_asked,
    ),
    Case(
        (
            Figure("info 100", "info", "getAllProcessInfo, 100 programs, p50", "ms", 1.5, digits=2),
            Figure("state p50", "state", "getState, 100 programs, p50", "ms", 0.2, digits=2),
            Figure("state p99", "state", "getState, 100 programs, p99", "ms", 0.5, digits=2),
        ),
        partial(_asked, 100),
        can=_is_asked,
    ),
    Case(
        (
            Figure("metrics 1000", "metrics", "GET /metrics, 1000 programs", "ms", 20),
            Figure("metrics 1000 fresh", "metrics", "the same when the process trees are looked at anew", "ms"),
        ),
        partial(_scraped, 1000),
        can=lambda peer: peer.name == "procman",
        quick=False,
    ),
    Case(
        (
            Figure("flooded p99", "flooded", "getState, p99, while 50 programs flood and 20 crash-loop", "ms", 15),
            Figure(
                "flooded log", "flooded", "log rate while 50 programs flood and 20 crash-loop", "MiB/s", 300, True, 0
            ),
        ),
        _flooded,
        can=lambda peer: peer.answers and peer.name != "floor",  # which has one command for all
    ),
)

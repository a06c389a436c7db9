"""Crash reports as /v1 has them, for tests of those that show them."""

from typing import Any


def crash_info(seq: int = 812, name: str = "web", **fields: Any) -> dict[str, Any]:
    """A CrashInfo as in `shapes.py`."""
    return {
        "version": 1,
        "seq": seq,
        "last_seq": seq,
        "name": name,
        "group": name,
        "times": 1,
        "unreported": 0,
        "first_ended": 1000.0,
        "ended": 1000.0,
        "kind": "exit",
        "how": "exit status 3",
        "run": 2,
        "spawned": 995.8,
        "age": 4.2,
    } | fields


def crash_report(seq: int = 812, name: str = "web", **fields: Any) -> dict[str, Any]:
    """A CrashReport as in `shapes.py`."""
    return {
        **crash_info(seq, name),
        "procman": "0.2.0",
        "pid": 4711,
        "running": 996.8,
        "exit": {"known": True, "code": 3, "signal": None, "core": False, "words": "exit status 3", "meaning": ""},
        "explanation": "",
        "sender": None,
        "cause": 800,
        "operation": None,
        "oom": {"verdict": "no", "whose": "", "before": None, "after": None, "limit": None},
        "usage": {
            "max_rss": 12 << 20,
            "user": 0.03,
            "system": 0.01,
            "major_faults": 2,
            "voluntary_switches": 5,
            "involuntary_switches": 1,
        },
        "left_behind": [],
        "last_look": None,
        "output": {
            "stdout": {"bytes": 6, "lines": ["hello"]},
            "stderr": {"bytes": 2048, "lines": ["Traceback:", "boom"]},
        },
        "health": [],
        "hooks": [],
        "restarts": {},
        "definition": "0123456789ab",
        "environment": {"PATH": "ba9876543210"},
        "directory": "/srv",
        "uid": 0,
        "user": "root",
        "kernel": "Linux 6.1 x86_64",
        "cgroup": "",
        "core_file": "",
        "core_handler": "",
        "record": seq,
        "file": "",
    } | fields

"""Assumptions about another machine, so that a file can be checked where it will not run (`procman check --assume`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from procman.errors import ProcmanError


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What to take for granted about the machine. `env`, if given, is the whole environment."""

    env: Mapping[str, str] | None = None
    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    directories: frozenset[str] = frozenset()
    plugins: frozenset[str] = frozenset()
    host_node_name: str | None = None

    @classmethod
    def from_json(cls, content: Any) -> "Assumptions":
        """Read a JSON object; raises ProcmanError if it has another shape."""
        if not isinstance(content, dict):
            raise ProcmanError("cannot read the assumptions: expected a JSON object")
        known = ("env", "users", "groups", "directories", "plugins", "host_node_name")
        if unknown := sorted(set(content) - set(known)):
            raise ProcmanError(f"cannot read the assumptions: {unknown[0]} is none of {', '.join(known)}")
        env, host = content.get("env"), content.get("host_node_name")
        if not (host is None or isinstance(host, str)):
            raise ProcmanError("cannot read the assumptions: host_node_name is a text")
        return cls(
            env=None if env is None else _table(env, "env", str),
            users=_table(content.get("users", {}), "users", int),
            groups=_table(content.get("groups", {}), "groups", int),
            directories=_names(content.get("directories", []), "directories"),
            plugins=_names(content.get("plugins", []), "plugins"),
            host_node_name=host,
        )


def _table(content: Any, name: str, kind: type) -> dict[str, Any]:
    if not isinstance(content, dict) or not all(type(value) is kind for value in content.values()):
        raise ProcmanError(f"cannot read the assumptions: {name} is an object of {kind.__name__} values")
    return content


def _names(content: Any, name: str) -> frozenset[str]:
    if not isinstance(content, list) or not all(isinstance(value, str) for value in content):
        raise ProcmanError(f"cannot read the assumptions: {name} is a list of texts")
    return frozenset(content)

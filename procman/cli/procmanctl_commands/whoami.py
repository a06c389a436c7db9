"""whoami: who you are to the master, and what you may do there."""

from __future__ import annotations

from procman.cli.invocation import Invocation

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.access import GrantInfo, WhoamiInfo


def whoami(invocation: Invocation, words: list[str]) -> None:
    """Show it."""
    if words:
        invocation.usage("Error: whoami accepts no arguments", "whoami")
        return
    info: WhoamiInfo = invocation.client.call("GET", "/v1/whoami")
    invocation.put(**info)
    for line in lines_of(info):
        invocation.say_safe(line)


def lines_of(info: WhoamiInfo) -> list[str]:
    """Who, what in general, by which sections; then each process, if not all are alike."""
    lines = [f"{_who(info)}: {info['role']}"]
    lines += [f"  {grant['source']}: {_grant(grant)}" for grant in info["grants"]]
    if not info["grants"]:
        lines.append("  no [access:NAME] section is about you, and the server has no default_role for you")
    elif not any("*" in grant["programs"] or "all" in grant["programs"] for grant in info["grants"]):
        lines += [f"{one['namespec']}: {one['role']}{_logs(one['logs'])}" for one in info["processes"]]
        if not info["processes"]:
            lines.append("there is no process that you may see")
    return lines


def _who(info: WhoamiInfo) -> str:
    if info["uid"] is None:
        return (
            f"a client with a valid token on {info['server']}" if info["has_token"] else f"a client on {info['server']}"
        )
    user = f" ({info['user']})" if info["user"] else ""
    token = ", with a valid token" if info["has_token"] else ""
    return f"uid {info['uid']}{user}{token}"


def _grant(grant: GrantInfo) -> str:
    programs = (
        "all programs" if "*" in grant["programs"] or "all" in grant["programs"] else ", ".join(grant["programs"])
    )
    return f"{grant['role']}{_logs(grant['logs'])} of {programs}"


def _logs(logs: bool) -> str:
    return ", logs" if logs else ""

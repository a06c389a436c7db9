"""The text of `procmanctl health NAME`: what is looked at, what was seen, and when it is looked at again."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.health import HealthCheckInfo

# So many of the latest results are shown.
SHOWN = 5


def lines_of(check: HealthCheckInfo) -> list[str]:
    """A line with its verdict, then details."""
    lines = [f"{check['namespec']}: {_verdict(check)}"]
    lines.append(f"  check    {check['check']}{_plan(check)}")
    lines.append(f"  then     {check['retries']} failures in a row: on_unhealthy = {check['on_unhealthy']}")
    for result in check["results"][-SHOWN:]:
        word = {True: "ok", False: "failed", None: "not counted"}[result["ok"]]
        lines.append(f"  {_ago(result['ago']):<8} {word}: {result['words']}")
    return lines


def _verdict(check: HealthCheckInfo) -> str:
    if not check["running"]:
        return "not RUNNING, so it is not checked"
    if check["paused_for"] is not None:
        why = f" ({check['pause_reason']})" if check["pause_reason"] else ""
        return f"paused for {_seconds(check['paused_for'])}{why}"
    word = {True: "healthy", False: "unhealthy", None: "not known yet"}[check["healthy"]]
    failures = check["failures"]
    if check["healthy"] is False:
        return f"{word}, {failures} failures in a row" if failures else word
    return f"{word}, {failures} of {check['retries']} failures in a row" if failures else word


def _plan(check: HealthCheckInfo) -> str:
    if check["looking"]:
        return f", every {_seconds(check['interval'])}; a look is under way"
    if check["next_in"] is not None:
        return f", every {_seconds(check['interval'])}; next in {_seconds(check['next_in'])}"
    return ""


def _ago(seconds: float) -> str:
    return f"-{_seconds(seconds)}"


def _seconds(seconds: float) -> str:
    if seconds < 10:  # noqa: PLR2004 - below, tenths matter
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"

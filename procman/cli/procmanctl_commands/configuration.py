"""Commands about the configuration: avail, config, reread, add, remove."""

from __future__ import annotations

from procman.cli import config_text, suggestions
from procman.cli.invocation import GENERIC, Invocation
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from procman.api.shapes.configuration import SectionSettings


def avail(invocation: Invocation, words: list[str]) -> None:
    """Print every configured process, running or not."""
    if words:
        invocation.usage("Error: avail accepts no arguments", "avail")
        return
    processes = invocation.client.call("GET", "/v1/config")["processes"]
    invocation.put(processes=processes)
    for info in processes:
        row = config_text.avail_line(info)
        invocation.say_safe(row)


def config(invocation: Invocation, words: list[str]) -> None:
    """Print the effective options and their origins, of the master or of the named processes."""
    sections: list[SectionSettings] = []
    invocation.put(sections=sections)
    if not words:
        sections += invocation.client.call("GET", "/v1/master/config")["sections"]
    for word in ["all"] if "all" in words else words:
        try:
            found = invocation.client.call("GET", f"/v1/processes/{quoted(word)}/config")["sections"]
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            invocation.problem(f"{word}: ERROR (no such process)", code=error.code, name=word)
            suggestions.suggest_processes(invocation, [word])
            continue
        sections += found
    for line in config_text.settings_lines(sections):
        invocation.say_safe(line)


def reread(invocation: Invocation, words: list[str]) -> None:
    """Make the master read the file again, and print which groups differ from the active ones."""
    if words:
        invocation.usage("Error: reread accepts no arguments", "reread")
        return
    try:
        found = invocation.client.call("POST", "/v1/config/reread")
    except ApiError as error:
        not_read(invocation, error, "supervisor shutting down")
        return
    invocation.put(**found)
    for line in config_text.reread_lines(found):
        invocation.say_safe(line)


def add(invocation: Invocation, words: list[str]) -> None:
    """Activate configured groups."""
    texts = {
        "SHUTDOWN_STATE": "shutting down",
        "ALREADY_ADDED": "process group already active",
        "BAD_NAME": "no such process/group: {name}",
    }
    _each_group(invocation, words, "add", "added process group", texts, harmless="ALREADY_ADDED")


def remove(invocation: Invocation, words: list[str]) -> None:
    """Remove groups that are not running."""
    texts = {"STILL_RUNNING": "process/group still running: {name}", "BAD_NAME": "no such process/group: {name}"}
    _each_group(invocation, words, "remove", "removed process group", texts)


def _each_group(
    invocation: Invocation, names: list[str], operation: str, done: str, texts: dict[str, str], *, harmless: str = ""
) -> None:
    results: list[dict[str, str]] = []
    invocation.put(results=results)
    for name in names:
        try:
            answer = invocation.client.call("POST", f"/v1/groups/{quoted(name)}/{operation}")
        except ApiError as error:
            if error.code not in texts:
                raise
            text = f"ERROR: {texts[error.code].format(name=name)}"
            status = {} if error.code != harmless else {"exitstatus": None}
            invocation.problem(text, code=error.code, group=name, **status)
            if error.code == "BAD_NAME":
                suggestions.suggest_group(invocation, name, "/v1/config" if operation == "add" else "/v1/processes")
        else:
            results.append({"group": name, "result": answer["result"]})
            text = f"{name}: {done}"
            invocation.say_safe(text)


def not_read(invocation: Invocation, error: ApiError, shutting_down: str, *, exitstatus: int = GENERIC) -> None:
    """Report why there is no new configuration; nothing has changed."""
    if error.code == "SHUTDOWN_STATE":
        invocation.problem(f"ERROR: {shutting_down}", code=error.code, exitstatus=exitstatus)
    elif error.code == "CANT_REREAD":
        text = f"ERROR: CANT_REREAD: {error.message.removeprefix('CANT_REREAD: ')}"
        invocation.problem(text, code=error.code, exitstatus=exitstatus)
    elif error.code in ("STALE_PLAN", "UNCONFIRMED", "ROLLED_BACK", "BAD_ARGUMENTS"):
        invocation.problem(f"ERROR: {error.message}", code=error.code, exitstatus=exitstatus)
    else:
        raise error

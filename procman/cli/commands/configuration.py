"""Commands about what is configured: avail, config, reread, update, add, remove."""

from __future__ import annotations

from procman.cli import render as show
from procman.cli import suggestions as meant
from procman.client.api_client import ApiError, quoted

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from typing import Any

    from procman.api.shapes import SectionSettings, Step
    from procman.cli.session import Session


def avail(session: Session, words: list[str]) -> None:
    """Every configured process, running or not."""
    if words:
        session.usage("Error: avail accepts no arguments", "avail")
        return
    processes = session.client.call("GET", "/v1/config")["processes"]
    session.put(processes=processes)
    for info in processes:
        row = show.config_row(info)
        session.say(show.safe(row) if session.terminal else row)


def config(session: Session, words: list[str]) -> None:
    """The options in effect, each with where its value is from: of the master, or of the processes that are named."""
    sections: list[SectionSettings] = []
    session.put(sections=sections)
    if not words:
        sections += session.client.call("GET", "/v1/master/config")["sections"]
    for word in ["all"] if "all" in words else words:
        try:
            found = session.client.call("GET", f"/v1/processes/{quoted(word)}/config")["sections"]
        except ApiError as error:
            if error.code != "BAD_NAME":
                raise
            session.problem(f"{word}: ERROR (no such process)", code=error.code, name=word)
            meant.suggest_processes(session, [word])
            continue
        sections += found
    for line in show.settings(sections):
        session.say(show.safe(line) if session.terminal else line)


def reread(session: Session, words: list[str]) -> None:
    """Read the file again, and say which groups differ from what runs."""
    if words:
        session.usage("Error: reread accepts no arguments", "reread")
        return
    try:
        found = session.client.call("POST", "/v1/config/reread")
    except ApiError as error:
        _not_read(session, error, "supervisor shutting down")
        return
    session.put(**found)
    for line in show.changes(found):
        session.say(show.safe(line) if session.terminal else line)


def update(session: Session, words: list[str]) -> None:
    """Read the file again and make what runs agree with it; `--dry-run` only says what would be done."""
    dry_run = "--dry-run" in words
    groups = [word for word in words if word != "--dry-run"]
    body: dict[str, Any] = {}
    if groups and "all" not in groups:
        body["groups"] = groups
    if dry_run:
        body["dry_run"] = True
    try:
        steps: list[Step] = session.client.call("POST", "/v1/config/update", body)["steps"]
    except ApiError as error:
        _not_read(session, error, "already shutting down")
        return
    session.put(steps=steps)
    for step in steps:
        if step["action"] == "error":
            message = step.get("message")
            said = f"{step['group']}: {message}" if message else f"ERROR: no such group: {step['group']}"
            session.problem(said, code="BAD_NAME" if not message else "FAILED", group=step["group"])
            if not message:
                meant.suggest_group(session, step["group"], "/v1/config")
    for line in show.planned(steps) if dry_run else show.updated(steps):
        session.say(show.safe(line) if session.terminal else line)


def add(session: Session, words: list[str]) -> None:
    """Let configured groups in that do not run yet."""
    texts = {
        "SHUTDOWN_STATE": "shutting down",
        "ALREADY_ADDED": "process group already active",
        "BAD_NAME": "no such process/group: {name}",
    }
    _each_group(session, words, "add", "added process group", texts, harmless="ALREADY_ADDED")


def remove(session: Session, words: list[str]) -> None:
    """Take groups out that are not running."""
    texts = {
        "STILL_RUNNING": "process/group still running: {name}",
        "BAD_NAME": "no such process/group: {name}",
    }
    _each_group(session, words, "remove", "removed process group", texts)


def _each_group(
    session: Session, names: list[str], operation: str, done: str, texts: dict[str, str], *, harmless: str = ""
) -> None:
    results: list[dict[str, str]] = []
    session.put(results=results)
    for name in names:
        try:
            answer = session.client.call("POST", f"/v1/groups/{quoted(name)}/{operation}")
        except ApiError as error:
            if error.code not in texts:
                raise
            said = f"ERROR: {texts[error.code].format(name=name)}"
            status = {} if error.code != harmless else {"exitstatus": None}
            session.problem(said, code=error.code, group=name, **status)
            if error.code == "BAD_NAME":
                meant.suggest_group(session, name, "/v1/config" if operation == "add" else "/v1/processes")
        else:
            results.append({"group": name, "result": answer["result"]})
            said = f"{name}: {done}"
            session.say(show.safe(said) if session.terminal else said)


def _not_read(session: Session, error: ApiError, shutting_down: str) -> None:
    """Say why there is no new configuration; what runs is as it was."""
    if error.code == "SHUTDOWN_STATE":
        session.problem(f"ERROR: {shutting_down}", code=error.code)
    elif error.code == "CANT_REREAD":
        session.problem(f"ERROR: CANT_REREAD: {error.message.removeprefix('CANT_REREAD: ')}", code=error.code)
    else:
        raise error

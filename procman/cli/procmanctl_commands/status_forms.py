"""status --long and -o yaml: the processes with all that is known of them, or as YAML."""

from __future__ import annotations

from procman.cli.details_text import details
from procman.cli.figures_table import figure_lines, show_in_pager
from procman.cli.limits_text import limits_of, lines_of
from procman.cli.procmanctl_commands.health import file_warnings
from procman.cli.procmanctl_commands.status import name_lines, print_status, read_words, table_lines
from procman.cli.status_text import next_try, reason, terminal_lines
from procman.cli.terminal_text import safe
from procman.cli.yaml_text import yaml_lines
from procman.client.api_client import ApiError

TYPE_CHECKING = False  # typing's own constant costs the import of typing: 3 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from procman.api.shapes.processes import ProcessInfo
    from procman.cli.invocation import Invocation
    from procman.cli.procmanctl_commands.status import View


def status(invocation: Invocation, words: list[str]) -> None:
    """Print the processes in the form that the words ask for; the exit statuses are those of the table."""
    read = read_words(invocation, words)
    if read is not None:
        given, names = read
        print_status(invocation, names, _long_in_pager if is_long(given) else view_of(given))


def view_of(given: Mapping[str, str]) -> View:
    """What the flags ask for."""
    if is_long(given):
        return _long
    return {"name": name_lines, "yaml": _yaml}.get(given.get("-o", ""), table_lines)


def is_long(given: Mapping[str, str]) -> bool:
    """Whether the flags ask for all that is known."""
    output = given.get("-o", "")
    return output == "wide" or (output in ("", "json") and "--long" in given)


def _yaml(_invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    return [*yaml_lines({"processes": chosen})]


def _long(invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    return [*figure_lines(invocation, chosen), *_more(invocation, chosen)]


def _long_in_pager(invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    """The table in a pager if it is longer than the screen, and the lines below it."""
    table = figure_lines(invocation, chosen)
    if show_in_pager(invocation, table):
        table = []
    return [*table, *_more(invocation, chosen)]


def _more(invocation: Invocation, chosen: list[ProcessInfo]) -> list[str]:
    """What is not in the table, line by line."""
    names = {info["namespec"] for info in chosen}
    limits = limits_of(invocation, (info["namespec"] for info in chosen))
    if limits:
        invocation.put(limits=limits)
    lines = [line for one in limits for line in lines_of(one)]
    lines += details(invocation, names)
    if len(chosen) == 1:
        lines += _log_line(chosen[0])
    for info in chosen:
        why = info.get("why") or (info["spawnerr"] and (reason(info) or info["spawnerr"]))
        if why:
            lines.append(f"{info['namespec']}: {why}{next_try(info)}")
        if info.get("status_text"):
            lines.append(f"{info['namespec']}: it says of itself: {info['status_text']}")
    lines += _at_terminals(invocation, names)
    lines += [f"Warning: {safe(warning)}" for warning in file_warnings(invocation)]
    return _safe(invocation, lines)


def _log_line(info: ProcessInfo) -> list[str]:
    """Where the output of a process is: the file says AUTO of a log that has its name from the master."""
    files = {"stdout": info.get("stdout_logfile"), "stderr": info.get("stderr_logfile")}  # an older master has neither
    if info.get("redirect_stderr"):
        del files["stderr"]
    found = [f"{channel} in {file}" for channel, file in files.items() if file]
    return [f"{info['namespec']}: logs: {', '.join(found)}"] if found else []


def _at_terminals(invocation: Invocation, names: set[str]) -> list[str]:
    """A line for each client that is attached to one of these."""
    try:
        clients = invocation.client.call("GET", "/v1/terminals")["terminals"]
    except ApiError:  # a master before 0.3
        return []
    found = [client for client in clients if client["name"] in names]
    invocation.put(terminals=found)
    return terminal_lines(found)


def _safe(invocation: Invocation, lines: Iterable[str]) -> list[str]:
    return [safe(line) if invocation.terminal else line for line in lines]

"""The configuration, and what an update changes."""

from typing import Any, Literal, NotRequired, TypedDict


class ConfigInfo(TypedDict):
    """One configured process, as `avail` shows it."""

    name: str
    group: str
    inuse: bool
    autostart: bool
    group_prio: int
    process_prio: int
    command: str  # without what looks like a secret in it


class SettingInfo(TypedDict):
    """One option as it is in effect, or one variable of `environment`. Secrets are "********"."""

    option: str
    variable: NotRequired[str]  # the name of the variable
    value: Any  # a number, true or false, a text, a list of them, or null where it is not set
    shown: str  # as a file would have it
    source: Literal["file", "default", "command line", "earlier"]  # earlier: the file has changed since
    file: str | None
    line: int | None


class SectionSettings(TypedDict):
    """The options of the master, a server, a notify section, a process, or those that a group's processes share."""

    section: str  # in supervisor's words: "supervisord", "program:web"
    name: str  # the namespec of the process, "group:*", or "" for the master and its servers
    settings: list[SettingInfo]


class Changes(TypedDict):
    """What a reread found, by group."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    notify: list[str]  # the names of the notify sections that differ
    access: list[str]  # those of the access sections


class Step(TypedDict):
    """One thing that `update` did (or would do), in the order it was done."""

    group: str  # or "notify:NAME" or "access:NAME", such a section
    name: NotRequired[str]  # a process of the group; absent where the whole group is meant
    action: Literal[
        "added",
        "removed",
        "stopped",
        "updated",
        "replaced",
        "replaced in turn",
        "changed in place",
        "logs re-opened",
        "rolling stopped",
        "error",
    ]
    options: NotRequired[list[str]]  # what was changed in the file
    message: NotRequired[str]  # of an error; without one there is no such group. Where a rolling restart has stopped

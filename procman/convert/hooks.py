"""What hooks and reload are for other engines, and what of them these do not have."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from signal import Signals

from procman.config.schema.programs import Program
from procman.convert.portability import Carried, sections
from procman.convert.yaml import Comment, Flow, Yaml
from procman.core.spec import Hook, HookCommand
from procman.system.shell_split import split_words

Mapped = dict[str | Comment, Yaml]

# A name of Kubernetes has 63 characters at most: what of a process's name fits before "-pre-start-99".
_LONGEST = 50
# What a command of pre_start has in common with its program.
_OF_PRE_START = ("workingDir", "env", "envFrom", "volumeMounts", "securityContext", "resources")
_VARIABLES = "their commands get no PROCMAN_… variables"
# How systemd calls them; what is not here it does not have.
_SYSTEMD = {
    Hook.PRE_START: "ExecStartPre",
    Hook.POST_START: "ExecStartPost",
    Hook.PRE_STOP: "ExecStop",
    Hook.STOP_COMMAND: "ExecStop",
    Hook.POST_STOP: "ExecStopPost",
    Hook.RELOAD: "ExecReload",
}
# A failure of these is no failure here; there it would be one.
_NEVER_FAILS = frozenset({Hook.POST_START, Hook.PRE_STOP, Hook.POST_STOP})


def words_of(command: HookCommand) -> tuple[str, ...]:
    """Its words; the reader of the file has seen to it that there are some."""
    return tuple(split_words(command.text))


# ------------------------------------------------------------------------------------------------ systemd


def unit_lines(program: Program, executable: Callable[[str], str], quoted: Callable[[str], str]) -> list[str]:
    """The lines of a unit; `executable` gives the path of a command as systemd wants it."""
    lines = []
    for hook, key in _SYSTEMD.items():
        for command in program.commands_of(hook):
            name, *others = words_of(command)
            prefix = "-" if command.may_fail or hook in _NEVER_FAILS else ""
            prefix += "+" if command.as_master else ""
            line = " ".join([quoted(executable(name)), *map(quoted, others)])
            lines.append(f"{key}={prefix}{line}")
    if program.reload is not None and program.reload.signal:
        lines.append(f"ExecReload=/bin/kill -s {Signals(program.reload.signal).name.removeprefix('SIG')} $MAINPID")
    return lines


def lost_in_units(processes: Sequence[Carried]) -> list[str]:
    """Notes on what units do not express."""
    return [
        *_note(processes, Hook.POST_START, "systemd waits for post_start before it starts what comes after the unit"),
        *_note(
            processes,
            Hook.STOP_COMMAND,
            "systemd sends the stop signal as soon as stop_command has ended, so that has to wait for the end",
        ),
        *_note(processes, Hook.BEFORE_KILL, "before_kill, which units do not have"),
        *_note(processes, Hook.ON_FAILURE, "on_failure is a unit of its own there, named by OnFailure="),
        *_told(processes, f"{_VARIABLES}, but $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS in ExecStopPost"),
    ]


# ------------------------------------------------------------------------------------------------ containers


def compose_hooks(program: Program, clean: Callable[[str], str]) -> Mapped:
    """The keys of a compose service."""
    found: Mapped = {}
    for hook in (Hook.POST_START, Hook.PRE_STOP):
        commands = program.commands_of(hook)
        if commands:
            found[hook.value] = [_compose_command(command, clean) for command in commands]
    return found


def _compose_command(command: HookCommand, clean: Callable[[str], str]) -> Mapped:
    words: Mapped = {"command": Flow(map(clean, words_of(command)))}
    return {**words, "user": "root"} if command.as_master else words


def container_hooks(program: Program, clean: Callable[[str], str]) -> Mapped:
    """The lifecycle of a container of a pod, which has one command for each hook."""
    lifecycle: Mapped = {}
    for hook, key in ((Hook.POST_START, "postStart"), (Hook.PRE_STOP, "preStop")):
        commands = program.commands_of(hook)
        if not commands:
            continue
        # There, a failure of postStart would end the container.
        together = " && ".join(
            f"{{ {shlex.join(words_of(one))} || true; }}" if one.may_fail else shlex.join(words_of(one))
            for one in commands
        )
        lifecycle[key] = {"exec": {"command": Flow(map(clean, ("sh", "-c", f"{together} || true")))}}
    return {"lifecycle": lifecycle} if lifecycle else {}


def init_containers(container: Mapped, process: Carried, clean: Callable[[str], str]) -> list[Yaml | Comment]:
    """One for each command of pre_start, like the container of the program, which has to be there already."""
    found: list[Yaml | Comment] = []
    for number, command in enumerate(process.program.pre_start, 1):
        words = words_of(command)
        if command.may_fail:
            words = ("sh", "-c", f"{shlex.join(words)} || true")
        name = f"{process.name[:_LONGEST].rstrip('-')}-pre-start-{number}"
        kept: Mapped = {key: value for key, value in container.items() if key in _OF_PRE_START}
        if command.as_master:
            kept["securityContext"] = {"runAsUser": 0}
        found.append({"name": name, "image": container["image"], "command": Flow(map(clean, words)), **kept})
    return found


def lost_hooks(processes: Sequence[Carried], *, prepared: Sequence[Carried] = ()) -> list[str]:
    """Notes on what containers do not have. The pre_start of those that are `prepared` are init containers."""
    others = [process for process in processes if process not in prepared]
    return [
        *_note(others, Hook.PRE_START, "pre_start: have the command of the container run it first"),
        *_note(
            prepared,
            Hook.PRE_START,
            "pre_start: init containers run it once for each pod, not before each restart of a container; of what it "
            "writes, the program finds only what is on a volume",
        ),
        *_note(processes, Hook.STOP_COMMAND, "stop_command: a container is stopped by its stop signal"),
        *_note(processes, Hook.BEFORE_KILL, "before_kill, which containers do not have"),
        *_note(processes, Hook.POST_STOP, "post_stop: have the command of the container run it at its end"),
        *_note(processes, Hook.ON_FAILURE, "on_failure, which is a matter of what watches the containers"),
        *_sections(
            processes, lambda program: program.reload is not None, "reload: send the signal, or run the command"
        ),
        *_told(processes, _VARIABLES),
    ]


def _note(processes: Sequence[Carried], hook: Hook, text: str) -> list[str]:
    return _sections(processes, lambda program: bool(program.commands_of(hook)), text)


def _told(processes: Sequence[Carried], text: str) -> list[str]:
    return _sections(processes, lambda program: any(program.commands_of(hook) for hook in Hook), text)


def _sections(processes: Iterable[Carried], wanted: Callable[[Program], bool], text: str) -> list[str]:
    named = sections(processes, wanted)
    return [f"{named}: {text}"] if named else []

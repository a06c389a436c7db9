"""The options of a program for commands that run before, after and instead of something, and for a reload."""

from dataclasses import dataclass

from procman.config.schema import kinds
from procman.config.schema.limits import LimitedProcess
from procman.config.schema.options import Effect, option
from procman.core.spec import HookCommand, Reload

# As long as a command may take that says nothing of it.
HOOK_TIMEOUT = 30


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)  # only a Program is made
class HookOptions(LimitedProcess):
    """What all programs have of them. A command has words and no shell, and runs as the program would."""

    pre_start: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that run before it is started, each time, when what it depends on is there: one on each line, a list "
        "in TOML. They run one after the other, with its user, directory and environment, and their output goes into "
        "its logs. When one fails, the start has failed. - before a command ignores its failure, + runs it as the "
        "master's user.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    post_start: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that run when it is RUNNING, beside it. They end with it.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    pre_stop: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that run before it gets the stop signal, whatever it is stopped for; it goes on meanwhile.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    stop_command: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that stop it instead of the stop signal, within stopwaitsecs. If one fails, the signal is sent.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    before_kill: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that run when it has not ended within stopwaitsecs, before it gets SIGKILL: to dump its stacks, say.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    before_kill_timeout: float = option(
        kinds.DURATION,
        "How long before_kill may take in all; then SIGKILL is sent.",
        default=5,
        effect=Effect.NONE,
    )
    post_stop: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that run when it has ended, by itself or not, and before anything else happens to it. Also when its "
        "pre_start has failed or was cancelled.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    on_failure: tuple[HookCommand, ...] = option(
        kinds.HOOK,
        "Commands that run when it is FATAL, or has ended unexpectedly and is not started again. Nothing waits for "
        "them but the end of the master.",
        default=(),
        effect=Effect.NONE,
        per_process=True,
    )
    hook_timeout: float = option(
        kinds.DURATION,
        "How long each command of a hook may take; then it is killed, with all that it has started, and has failed.",
        default=HOOK_TIMEOUT,
        effect=Effect.NONE,
    )
    reload: Reload | None = option(
        kinds.RELOAD,
        "How procmanctl refresh has it read its configuration again: a signal such as signal:HUP, or a command.",
        default=None,
        effect=Effect.NONE,
        per_process=True,
    )
    reload_timeout: float = option(
        kinds.DURATION,
        "How long that may take; with ready = notify until READY=1 has followed RELOADING=1.",
        default=30,
        effect=Effect.NONE,
    )

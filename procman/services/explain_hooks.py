"""The words for a process that waits for a command of its own, before its start or while it stops. No I/O, no clock."""

from procman.core.spec import Hook
from procman.services.explain_facts import Case, Link, Words
from procman.services.explain_links import after_the_stop, asked_again, asked_down, tail_command
from procman.services.explain_texts import duration
from procman.services.status_words import running_hook

_AFTERWARDS = {
    Hook.PRE_STOP: "then it gets its stop signal",
    Hook.STOP_COMMAND: "that is to end it",
    Hook.BEFORE_KILL: "then it gets SIGKILL",
}


def runs(case: Case) -> Words:
    """A hook runs, and it is waited for."""
    process = case.process
    hook, command = running_hook(process)
    age = duration(max(0.0, case.around.now - process.hooks.since))
    waits = Link("hook", f"its {hook.value} runs: {command}, for {age}")
    due = process.deadlines.stop if hook is Hook.STOP_COMMAND else process.deadlines.hook
    left = case.left(due)
    if hook is Hook.PRE_START:
        late = "" if left is None else f"; if it takes {duration(left)} more, it is killed, and the start has failed"
        wish = () if process.wanted else (asked_down(case),)
        then = "it is started when that has ended well" if process.wanted else "it is STOPPED in a moment"
        return Words(
            because=(waits, *wish),
            next=f"{then}{late}",
            next_in=left,
            options=(hook.value, "hook_timeout"),
            commands=(tail_command(case), f"procmanctl stop {case.name}"),
        )
    why = asked_again(case) if process.wanted else asked_down(case)
    limit = "" if left is None else f" it has {duration(left)} more"
    timeout = {Hook.STOP_COMMAND: "stopwaitsecs", Hook.BEFORE_KILL: "before_kill_timeout"}.get(hook, "hook_timeout")
    then = _AFTERWARDS.get(hook) or after_the_stop(case)
    return Words(
        because=(waits, why),
        next=f"{then};{limit}" if limit else then,
        next_in=left,
        options=(hook.value, timeout),
        commands=(tail_command(case), f"procmanctl stop {case.name}"),
    )

"""Why a program could not be started, beyond supervisor's words for it: facts for `why` and for reports.

It asks disks and the directory of users, which may hang: call it on a thread (`runtime.call_queue`), not on the loop.
"""

import os
from collections.abc import Callable

from procman.config.schema.programs import Program
from procman.runtime.launch import environment
from procman.system.accounts import Account, find_account
from procman.system.failed_exec import Explanation, FailedStart, explain_env, explain_failed_start


def explain(program: Program, reason: str, account_of: Callable[[int], Account] = find_account) -> Explanation | None:
    """What is the matter, for the `reason` of a SpawnFailed; None: the reason says all there is.

    `account_of` finds the account of a uid; raises KeyError where there is none.
    """
    start = _start(program, reason, account_of)
    return None if start is None else explain_failed_start(start)


def explain_not_found(program: Program) -> Explanation | None:
    """What is the matter with a program that has ended with 127; None: nothing that its first line says."""
    start = _start(program, "", find_account)
    return None if start is None else explain_env(start)


def _start(program: Program, reason: str, account_of: Callable[[int], Account]) -> FailedStart | None:
    try:
        env = environment(program, None, os.environb)
    except ValueError:
        return None  # the reason says which value of the environment cannot be one
    account = None
    if program.uid is not None and program.uid != os.geteuid():
        try:
            account = account_of(program.uid)
        except KeyError:
            return None  # the reason says that there is no such user
    return FailedStart(
        reason=reason,
        command=program.command,
        directory=program.directory,
        path=program.environment.get("PATH"),
        account=account,
        environment=sum(len(name) + len(value) + 2 for name, value in env.items()),
    )

"""The status of a process that a test makes up."""

from procman.core.states import State
from procman.services.status import ProcessStatus


def status(namespec: str, state: str = "RUNNING") -> ProcessStatus:
    """A process that has not done anything yet, in the state of that name."""
    group, _, name = namespec.partition(":")
    return ProcessStatus(
        name=name or group,
        group=group,
        namespec=namespec,
        state=State[state],
        pid=0,
        start=0,
        stop=0,
        started=0.0,
        exit_code=0,
        ending="",
        last_words="",
        last_words_on="",
        reason="",
        stdout_log="",
        stderr_log="",
        redirect_stderr=False,
        wanted=True,
        restarts=0,
        flapping_until=0,
        waits_for=(),
        phase="",
        done=False,
        words="",
        made_of=None,
    )

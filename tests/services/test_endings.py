"""How an end is put into facts, and into one sentence."""

from signal import SIGABRT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1

import pytest

from procman.core.events import ExitStatus
from procman.services.endings import Oom, Sender, Sent, Why, describe_end
from procman.services.exit_codes import meaning_of
from procman.system.memory_events import MemoryChange, MemoryCounters, Whose

KILLED = ExitStatus(-1, SIGKILL)


def change(kills: int, whose: Whose = Whose.CONTAINER, *, hits: int | None = None, limit: int = 0) -> MemoryChange:
    """So many kills were counted."""
    return MemoryChange(
        whose,
        MemoryCounters(1, None if hits is None else 1, limit),
        MemoryCounters(1 + kills, hits and 1 + hits, limit),
    )


NOTHING_COUNTS = MemoryChange(Whose.NOBODY, MemoryCounters(), MemoryCounters())


@pytest.mark.parametrize(
    ("status", "sentence", "sender"),
    [
        (ExitStatus(0), "exit status 0", Sender.NOBODY),
        (ExitStatus(3), "exit status 3", Sender.NOBODY),
        (
            ExitStatus(127),
            "exit status 127 (as from a shell: a command was not found)",
            Sender.NOBODY,
        ),
        (
            ExitStatus(137),
            "exit status 137 (as from a shell: what it waited for was terminated by SIGKILL (128 + 9))",
            Sender.NOBODY,
        ),
        (ExitStatus(-1, known=False), "exit status unknown", Sender.UNKNOWN),
        (
            ExitStatus(-1, SIGSEGV, core_dumped=True),
            "terminated by SIGSEGV (core dumped); it accessed memory that is not its own",
            Sender.ITSELF,
        ),
        (ExitStatus(-1, SIGABRT), "terminated by SIGABRT; it has aborted itself", Sender.ITSELF),
        (ExitStatus(-1, SIGUSR1), "terminated by SIGUSR1; not by procman", Sender.OTHERS),
        (ExitStatus(-1, 40), "terminated by signal 40; not by procman", Sender.OTHERS),
    ],
)
def test_the_sentence_begins_as_supervisors_and_says_what_follows_from_the_status(status, sentence, sender):
    """A fault is the process's own; other signals come from somewhere."""
    end = describe_end(status)
    assert (end.sentence, end.sender) == (sentence, sender)


@pytest.mark.parametrize(
    ("memory", "oom", "sentence"),
    [
        (change(3, limit=100), Oom.LIKELY, "the container's memory limit was hit 3 times (oom_kill)"),
        (change(1, hits=1, limit=100), Oom.LIKELY, "the container's memory limit was hit once (oom_kill)"),
        (change(1, Whose.UNIT, limit=100), Oom.LIKELY, "the unit's memory limit was hit once (oom_kill)"),
        (
            change(2, hits=0, limit=100),
            Oom.LIKELY,
            "the kernel has killed 2 processes of the container's cgroup because memory ran out (oom_kill)",
        ),
        (change(1, Whose.MACHINE), Oom.LIKELY, "the machine ran out of memory once (oom_kill)"),
        (change(1, Whose.PROGRAM, limit=100), Oom.CERTAIN, "its memory limit was hit once (oom_kill)"),
        (change(0), Oom.NO, "memory was not short"),
        (NOTHING_COUNTS, Oom.UNKNOWN, "whether memory was short is not counted here"),
        (None, Oom.UNKNOWN, "whether memory was short is not counted here"),
    ],
)
def test_a_sigkill_of_others_is_told_from_one_for_want_of_memory(memory, oom, sentence):
    """With certainty by the counts of its own cgroup; by those around it, it is only likely."""
    end = describe_end(KILLED, memory=memory)
    assert end.sentence == f"terminated by SIGKILL; not by procman; {sentence}"
    assert end.oom is oom


@pytest.mark.parametrize(
    ("why", "waited", "purpose"),
    [
        (Why.STOP, 0.1, "it was asked to stop"),
        (Why.RUN_TIMEOUT, 0.1, "its run_timeout was over"),
        (Why.REQUEST, None, "a client asked for this signal"),
        (Why.STOPWAITSECS, 10.003, "it had not stopped after 10 s (stopwaitsecs)"),
        (Why.STOPWAITSECS, None, "it had not stopped after its time (stopwaitsecs)"),
        (Why.SHUTDOWN_SHARE, 2.5, "it had not stopped after 2.5 s, its share of shutdown_timeout"),
        (Why.SHUTDOWN_TIMEOUT, 5, "the shutdown_timeout was over"),
        (Why.SECOND_REQUEST, 1, "the shutdown was asked for a second time"),
    ],
)
def test_a_sigkill_of_procman_says_what_it_was_for(why, waited, purpose):
    """It is no lack of memory, whatever the container has counted meanwhile."""
    sent = Sent(SIGKILL, why, waited)
    end = describe_end(KILLED, sent=sent, memory=change(1))
    assert end.sentence == f"terminated by SIGKILL; by procman: {purpose}"
    assert (end.sender, end.sent, end.oom) == (Sender.PROCMAN, sent, Oom.NO)


def test_another_signal_than_the_one_that_was_sent_is_not_procmans():
    """Procman has asked it to stop, and something else has killed it."""
    end = describe_end(KILLED, sent=Sent(SIGTERM, Why.STOP, 0.1), memory=change(0))
    assert (end.sender, end.sent) == (Sender.OTHERS, None)


def test_what_is_not_known_is_not_claimed():
    """A master that was upgraded while the process stopped does not know what the earlier code has sent."""
    end = describe_end(KILLED, all_is_known=False)
    assert (end.sentence, end.sender) == ("terminated by SIGKILL", Sender.UNKNOWN)


def test_an_exit_by_a_code_is_no_lack_of_memory():
    """Nor is a signal other than SIGKILL."""
    assert describe_end(ExitStatus(1), memory=change(5)).oom is Oom.NO
    assert describe_end(ExitStatus(-1, SIGSEGV), memory=change(5, Whose.PROGRAM)).oom is Oom.NO


def test_the_core_file_is_named():
    """Where one was found."""
    end = describe_end(ExitStatus(-1, SIGSEGV, core_dumped=True), core_file="/tmp/core.7")
    assert end.sentence.endswith("it accessed memory that is not its own; its core is /tmp/core.7")


@pytest.mark.parametrize("code", [2, 64, 78, 128, 129 + 70, 255])
def test_a_code_without_a_rule_has_no_meaning(code):
    """The codes of sysexits.h mean something else to most programs."""
    assert meaning_of(code, "curl") == ""


def test_programs_that_keep_to_sysexits_are_understood():
    """By the name of the file."""
    assert meaning_of(78, "/usr/sbin/exim4") == "EX_CONFIG: its configuration is wrong"
    assert meaning_of(126, "x") == "as from a shell: a command was found, and could not be executed"

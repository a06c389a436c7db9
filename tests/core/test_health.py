"""Health checks: what each look, each silence and each request makes of a process that runs."""

from signal import SIGTERM, SIGUSR1

import pytest

from procman.config.schema.groups import Group
from procman.config.schema.master import Master
from procman.core.actions import (
    Action,
    Announce,
    AnnounceHealth,
    AnnounceMaster,
    AnnounceRefresh,
    AnnounceRefreshed,
    CheckHealth,
    Kill,
    Quit,
    RunHook,
    RunUnhealthyCommand,
)
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Exited,
    ExitStatus,
    GroupChanged,
    HealthPauseRequested,
    HealthSeen,
    Notified,
    ShutdownRequested,
)
from procman.core.spec import Autorestart, Condition, Edge, HookCommand, OnUnhealthy, ReadyKind, Reload
from procman.core.states import Phase, State
from tests.support.driven_fleet import Drive, killed, of, spawned
from tests.support.programs import group

TCP = Condition(ReadyKind.TCP, "tcp:1")
TERM = ExitStatus(-1, SIGTERM)


class Ward(Drive):
    """Programs that are looked at; nothing happens but what a test says."""

    def __init__(self, *groups, master: Master | None = None, **options) -> None:
        options = {"startsecs": 0, "health": TCP, "autorestart": Autorestart.NEVER} | options
        super().__init__(*(groups or (group("web", **options),)), boot=False, master=master)
        self.says(BootRequested())

    @property
    def web(self):
        return self.fleet.processes["web"]

    def passes(self, seconds: float) -> list[Action]:
        """Let time pass, deadline by deadline."""
        until, actions = self.now + seconds, []
        while (due := self.fleet.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            actions += self.says(DeadlineReached())
        self.now = until
        return actions

    def looks(self) -> CheckHealth:
        """The next look."""
        while True:
            due = self.fleet.next_deadline()
            assert due is not None
            self.now = max(self.now, due)
            if orders := of(CheckHealth, self.says(DeadlineReached())):
                return orders[0]

    def sees(self, order: CheckHealth, *, ok: bool = False, **facts) -> list[Action]:
        return self.says(HealthSeen(order.name, order.run, order.look, ok, "tcp:1 refused", **facts))

    def fails(self, times: int) -> list[Action]:
        """The actions of the last of so many failures in a row."""
        actions: list[Action] = []
        for _ in range(times):
            actions = self.sees(self.looks())
        return actions


def test_so_many_failures_in_a_row_make_it_unhealthy():
    """One success in between, and they are counted anew."""
    ward = Ward(on_unhealthy=OnUnhealthy("none"))
    assert ward.web.healthy is None
    ward.fails(2)
    ward.sees(ward.looks(), ok=True)
    assert ward.web.healthy is True
    ward.fails(2)
    assert ward.web.healthy is True
    news = of(AnnounceHealth, ward.fails(1))
    assert [(one.before, one.healthy, one.words) for one in news] == [(True, False, "tcp:1 refused (3 in a row)")]
    assert (ward.web.healthy, ward.web.phase) == (False, Phase.UNHEALTHY)
    news = of(AnnounceHealth, ward.sees(ward.looks(), ok=True))
    assert [(one.before, one.healthy) for one in news] == [(False, True)]


def test_moby_27361_unhealthy_it_is_restarted_whatever_autorestart_says_and_later_each_time():
    """Health that is still bad after a restart; the delays grow, and startretries count none of it."""
    ward = Ward(health_retries=2, startretries=0, restart_limit=(4, 1000))
    delays = []
    for _ in range(4):
        assert killed(ward.fails(2)) == ["web"]
        assert ward.web.reason.startswith("unhealthy: tcp:1 refused (2 in a row)")
        ward.ends("web", TERM)
        assert ward.web.state is State.BACKOFF
        delays.append(ward.web.deadlines.retry - ward.now)
        assert spawned(ward.passes(delays[-1])) == ["web"]
    assert delays == pytest.approx([1, 2, 3, 4])
    ward.fails(2)
    ward.ends("web", TERM)
    assert (ward.web.state, ward.web.reason) == (State.FATAL, "4 restarts in 1000 s (4 x unhealthy)")


def test_after_a_run_that_was_well_for_long_the_delays_begin_anew():
    """What counts is how long it was well, and not how long it took to see that it is not."""
    ward = Ward(health_retries=2)
    ward.fails(2)
    ward.ends("web", TERM)
    ward.passes(1)
    for _ in range(3):
        ward.sees(ward.looks(), ok=True)
    ward.fails(2)
    ward.ends("web", TERM)
    assert ward.web.deadlines.retry - ward.now == pytest.approx(1)


def test_it_is_killed_and_comes_back():
    """Process-compose#403: what was killed for its health stayed down. A tree that ignores the stop signal, too."""
    ward = Ward(health_retries=1, stopwaitsecs=3)
    ward.fails(1)
    assert [kill.overdue for kill in of(Kill, ward.passes(3))] == [True]
    ward.ends("web", ExitStatus(-1, 9))
    assert spawned(ward.passes(1)) == ["web"]
    assert ward.web.state is State.RUNNING


@pytest.mark.parametrize(
    ("what", "expected", "after"),
    [
        (OnUnhealthy("signal", signal=SIGUSR1), Kill, State.RUNNING),
        (OnUnhealthy("reload"), Kill, State.RUNNING),
        (OnUnhealthy("exec", command="dump"), RunUnhealthyCommand, State.RUNNING),
        (OnUnhealthy("none"), type(None), State.RUNNING),
        (OnUnhealthy("stop"), Kill, State.STOPPING),
    ],
)
def test_what_else_may_be_done(what, expected, after):
    """Again after as many failures as at first; stop is for good."""
    ward = Ward(health_retries=2, on_unhealthy=what, reload=Reload(SIGUSR1))
    first = ward.fails(2)
    assert bool(of(expected, first)) is (expected is not type(None))
    assert ward.web.state is after
    assert ward.web.wanted is (after is State.RUNNING)
    if after is State.RUNNING and expected is not type(None):
        assert of(expected, ward.fails(1)) == []
        assert of(expected, ward.fails(1))


def test_a_reload_is_followed_to_its_end():
    """As one on request; what is not over yet is not begun a second time."""
    ward = Ward(health_retries=1, health_interval=10, on_unhealthy=OnUnhealthy("reload"), reload=Reload(SIGUSR1))
    assert [action.words for action in of(AnnounceRefresh, ward.fails(1))] == ["unhealthy: tcp:1 refused (1 in a row)"]
    assert [action.ok for action in of(AnnounceRefreshed, ward.passes(2))] == [True]
    slow = Ward(health_retries=1, on_unhealthy=OnUnhealthy("reload"), reload=Reload(0, (HookCommand("r"),)))
    assert len(of(RunHook, slow.fails(1))) == 1
    again = slow.fails(1)
    assert of(RunHook, again) == []
    assert [action.words for action in of(AnnounceRefreshed, again)] == ["it is reading its configuration already"]


def test_shutdown_and_a_critical_one_that_is_stopped_end_the_master():
    """With a status that is not 0."""
    for options in ({"on_unhealthy": OnUnhealthy("shutdown")}, {"on_unhealthy": OnUnhealthy("stop"), "critical": True}):
        ward = Ward(health_retries=1, **options)
        [news] = of(AnnounceMaster, ward.fails(1))
        assert "unhealthy: tcp:1 refused" in news.cause
        [end] = of(Quit, ward.ends("web", TERM))
        assert end.code == 1


def test_in_the_start_period_failures_do_not_count_and_a_success_ends_it():
    """Liveness that begins with the start kills what starts slowly (k8s#27114, pebble#145)."""
    ward = Ward(health_retries=1, health_start_period=60, on_unhealthy=OnUnhealthy("none"))
    ward.fails(3)
    assert ward.web.healthy is None
    ward.sees(ward.looks(), ok=True)
    ward.fails(1)
    assert ward.web.healthy is False


def test_a_time_out_while_the_judge_slept_does_not_count_and_is_looked_at_again():
    """A refusal counts, however sleepy the judge was."""
    ward = Ward(health_retries=1, on_unhealthy=OnUnhealthy("none"))
    for _ in range(5):
        order = ward.looks()
        again = of(CheckHealth, ward.sees(order, timed_out=True, asleep=0.8))
        assert [one.look for one in again] == [order.look + 1]
        ward.sees(again[0], ok=True)
    assert ward.web.healthy is True
    ward.sees(ward.looks(), timed_out=True, asleep=0.7)
    assert ward.web.healthy is False
    ward.sees(ward.looks(), ok=True)
    ward.sees(ward.looks(), asleep=20.0)
    assert ward.web.healthy is False


def test_there_is_one_look_at_a_time_and_what_is_late_is_skipped():
    """The grid of the interval stays; a look that is never answered is given up after a while."""
    ward = Ward(on_unhealthy=OnUnhealthy("none"))
    order, began = ward.looks(), ward.now
    ward.now += 25
    ward.sees(order, ok=True)
    assert ward.fleet.next_deadline() == pytest.approx(began + 30)
    lost = ward.looks()
    assert of(CheckHealth, ward.passes(12.9)) == []
    [again] = of(CheckHealth, ward.passes(0.2))
    assert again.look == lost.look + 1
    assert ward.sees(lost) == []


def test_a_thousand_of_them_are_spread():
    """No two hundredths of the interval have nearly all of them."""
    groups = [group(f"p{n}", startsecs=0, health=TCP) for n in range(200)]
    ward = Ward(*groups)
    due = sorted(process.deadlines.health for process in ward.fleet.processes.values())
    assert due[0] < 1
    assert due[-1] > 9
    assert all(sum(start <= when < start + 1 for when in due) < 60 for start in range(10))


def test_the_watchdog_counts_silence_at_once_and_a_trigger():
    """WATCHDOG_USEC changes the time; a judge that comes much too late gives it its time anew."""
    ward = Ward(health=None, watchdog=10.0, on_unhealthy=OnUnhealthy("none"))

    def tells(**fields: str) -> list[Action]:
        return ward.says(Notified("web", ward.web.attempt, tuple(fields.items())))

    tells(WATCHDOG="1")
    assert ward.web.healthy is True
    ward.passes(9)
    tells(WATCHDOG="1")
    ward.now += 19.5
    ward.says(DeadlineReached())
    assert ward.web.healthy is True
    assert [one.words for one in of(AnnounceHealth, ward.passes(10))] == ["no WATCHDOG=1 within 10 s"]
    tells(WATCHDOG="1", WATCHDOG_USEC="2000000")
    assert ward.web.healthy is True
    assert ward.passes(2)
    assert ward.web.healthy is False
    tells(WATCHDOG="1")
    assert [one.healthy for one in of(AnnounceHealth, tells(WATCHDOG="trigger"))] == [False]


def test_a_pause_ends_by_itself_and_outlives_a_restart():
    """Nothing is looked at, and nothing is judged."""
    ward = Ward(health_retries=1)
    ward.sees(ward.looks(), ok=True)
    ward.says(HealthPauseRequested("web", 600, "a dump"))
    assert ward.web.healthy is None
    ward.ends("web", ExitStatus(1))
    assert of(CheckHealth, ward.passes(100)) == []
    assert ward.web.health.pause_reason == "a dump"
    ward = Ward(health_retries=1)
    ward.says(HealthPauseRequested("web", 600, "a dump"))
    assert of(CheckHealth, ward.passes(599)) == []
    assert len(of(CheckHealth, ward.passes(2))) == 1
    assert ward.says(HealthPauseRequested("web", 0)) == []


def test_a_dependent_waits_until_its_target_is_healthy():
    """RUNNING alone is not enough for @healthy."""
    edge = Edge("web", "healthy", False, ("web",))
    ward = Ward(group("web", startsecs=0, health=TCP), group("app", startsecs=0, depends_on=(edge,)))
    assert ward.fleet.processes["app"].phase is Phase.WAITING
    assert spawned(ward.sees(ward.looks(), ok=True)) == ["app"]


def test_a_program_may_ask_for_more_time_and_not_beyond_the_shutdown_timeout():
    """EXTEND_TIMEOUT_USEC moves the stop."""

    def asks(ward: Ward, seconds: int) -> None:
        ward.says(Notified("web", ward.web.attempt, (("EXTEND_TIMEOUT_USEC", f"{seconds}000000"),)))

    ward = Ward(stopwaitsecs=5, health_retries=1)
    ward.fails(1)
    asks(ward, 60)
    assert ward.web.deadlines.stop == ward.now + 60
    ward = Ward(stopwaitsecs=5, master=Master(shutdown_timeout=20))
    ward.says(ShutdownRequested())
    asks(ward, 60)
    assert ward.web.deadlines.stop < ward.now + 20


def test_in_a_shutdown_nothing_is_done_about_it():
    """Its wave comes."""
    ward = Ward(group("web", startsecs=0, health=TCP, health_retries=1), group("late", startsecs=0, stopwaitsecs=99))
    order = ward.looks()
    ward.web.wanted = False
    assert killed(ward.sees(order)) == []


def test_another_interval_is_taken_over_in_place():
    """Also that there is a check at all, and that there is none any more."""
    ward = Ward(on_unhealthy=OnUnhealthy("none"))
    ward.sees(ward.looks(), ok=True)
    from_file = group("web", startsecs=0, health=TCP, health_interval=1.0)
    ward.says(_changed(from_file))
    assert ward.web.healthy is None
    assert ward.fleet.next_deadline() <= ward.now + 1
    ward.says(_changed(group("web", startsecs=0)))
    assert (ward.fleet.next_deadline(), ward.web.healthy) == (None, None)


def _changed(new: Group) -> GroupChanged:
    return GroupChanged(new, frozenset())


def test_stopping_while_a_look_is_under_way_needs_no_answer():
    """What is answered later is void."""
    ward = Ward(health_retries=1)
    order = ward.looks()
    pid = ward.web.pid
    assert pid is not None
    ward.says(Exited(pid, ExitStatus(0)))
    assert ward.sees(order) == []
    assert [one for one in of(Announce, ward.passes(100)) if one.after is State.STOPPING] == []

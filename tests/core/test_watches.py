"""What a change of watched files makes of a process, in virtual time."""

import json

import pytest

from procman.core.actions import (
    Action,
    Announce,
    AnnounceRefresh,
    AnnounceRefreshed,
    AnnounceRolling,
    AnnounceWatch,
    Kill,
    RunWatchCommand,
    Spawn,
)
from procman.core.events import (
    BootRequested,
    DeadlineReached,
    Exited,
    ExitStatus,
    FilesChanged,
    GroupChanged,
    HookEnded,
    RestartRequested,
    ShutdownRequested,
    SpawnFailed,
    StartRequested,
    StopRequested,
    WatchesRenewed,
)
from procman.core.fleet import Fleet
from procman.core.spec import Autorestart, Edge, HookCommand, Reload, WatchAction
from procman.core.states import State
from procman.core.watches import CEILING, MOST, SOON, WINDOW
from tests.core.test_snapshot import READERS
from tests.support.driven_fleet import Drive, killed, members, of, spawned
from tests.support.programs import group

TERM = ExitStatus(-1, 15)
QUIET = 0.3


class Desk(Drive):
    """Programs that watch files; nothing happens but what a test says."""

    def __init__(self, *groups, **options) -> None:
        options = {"startsecs": 0, "watch": ("src/",)} | options
        super().__init__(*(groups or (group("web", **options),)), boot=False)
        self.says(BootRequested())
        self.now = 1.0

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

    def saves(self, *files: int, name: str = "web") -> list[Action]:
        """These files change."""
        return self.says(FilesChanged(name, files or (1,), len(files) or 1, "src/app.py"))

    def acts(self, *files: int) -> list[Action]:
        """They change, and what is done about it."""
        assert self.saves(*files) == []
        return self.passes(QUIET)


def whats(actions) -> list[tuple[str, str]]:
    return [(news.what, news.words) for news in of(AnnounceWatch, actions)]


def test_it_is_restarted_when_nothing_has_changed_for_a_while():
    """Each change begins the pause anew, and all of them are one restart that names a file."""
    desk = Desk()
    assert desk.fleet.next_deadline() is None
    desk.saves(1)
    assert desk.passes(QUIET / 2) == []
    desk.saves(1, 2)
    desk.saves(3)
    assert desk.passes(QUIET * 0.9) == []
    actions = desk.passes(QUIET * 0.2)
    assert whats(actions) == [("restart", "src/app.py changed (3 files)")]
    assert killed(actions) == ["web"]
    assert spawned(desk.ends("web", TERM)) == ["web"]
    assert desk.fleet.next_deadline() is None


def test_changes_without_an_end_are_acted_upon_after_ten_times_the_pause():
    """A build that writes for a minute does not keep the old code running all that time."""
    desk = Desk()
    began, actions = desk.now, []
    while not actions:
        desk.saves(1)
        actions = desk.passes(QUIET / 3)
    assert desk.now - began == pytest.approx(CEILING * QUIET, abs=QUIET / 3)
    assert whats(actions) == [("restart", "src/app.py changed")]


@pytest.mark.parametrize(
    ("action", "kind"),
    [(WatchAction("signal", signal=1), Kill), (WatchAction("exec", command="make"), RunWatchCommand)],
)
def test_it_may_get_a_signal_or_have_a_command_run_instead(action, kind):
    """Nothing else happens to it."""
    desk = Desk(watch_action=action)
    actions = desk.acts()
    assert whats(actions) == [(action.what, "src/app.py changed")]
    assert [type(one) for one in actions[1:]] == [kind]
    assert desk.web.state is State.RUNNING


def test_it_may_read_its_configuration_again_instead():
    """By its option reload."""
    desk = Desk(watch_action=WatchAction("reload"), reload=Reload(signal=1))
    actions = desk.acts()
    assert [type(one) for one in actions] == [AnnounceWatch, AnnounceRefresh, Kill]
    assert [one.ok for one in of(AnnounceRefreshed, desk.passes(2))] == [True]


@pytest.mark.parametrize("action", [WatchAction(), WatchAction("signal", signal=1), WatchAction("exec", command="x")])
def test_what_has_failed_is_started_again_whatever_the_action_is(action):
    """In BACKOFF and in FATAL, at once and with its counts begun anew."""
    desk = Desk(startsecs=5, startretries=1, watch_action=action)
    desk.ends("web", ExitStatus(1))
    assert desk.web.state is State.BACKOFF
    actions = desk.acts()
    assert whats(actions) == [("start", "src/app.py changed")]
    assert spawned(actions) == ["web"]
    assert desk.web.failures == 0
    for _ in range(2):
        desk.ends("web", ExitStatus(1))
        desk.passes(1)
    assert desk.web.state is State.FATAL
    assert spawned(desk.acts()) == ["web"]


def test_what_has_ended_by_itself_is_started_again():
    """Such as a build that watches its sources."""
    desk = Desk(autorestart=Autorestart.NEVER)
    desk.ends("web")
    assert desk.web.state is State.EXITED
    assert spawned(desk.acts()) == ["web"]


def test_what_was_stopped_stays_so():
    """Also what was never started."""
    desk = Desk()
    desk.says(StopRequested("web"))
    desk.ends("web", TERM)
    assert desk.acts() == []
    never = Desk(autostart=False)
    assert never.acts() == []
    assert never.passes(100) == []


def test_a_change_while_it_starts_is_one_more_restart_when_it_is_up():
    """It may have read the file before that."""
    desk = Desk(startsecs=5)
    desk.passes(5)
    assert desk.acts() != []
    desk.ends("web", TERM)
    assert desk.web.state is State.STARTING
    assert desk.acts() == []
    assert desk.acts() == []
    actions = desk.passes(5)
    assert [one.after.name for one in of(Announce, actions)] == ["RUNNING", "STOPPING"]
    assert spawned(desk.ends("web", TERM)) == ["web"]
    assert desk.passes(5) != []
    assert desk.web.state is State.RUNNING
    assert desk.passes(100) == []


def test_a_change_while_it_starts_is_a_try_at_once_if_that_fails():
    """The file may be what it has failed for."""
    desk = Desk(startsecs=5)
    desk.passes(5)
    desk.says(RestartRequested("web"))
    desk.ends("web", TERM)
    assert desk.acts() == []
    actions = desk.ends("web", ExitStatus(1))
    assert whats(actions) == [("start", "src/app.py changed")]
    assert [one.after.name for one in of(Announce, actions)] == ["BACKOFF", "STARTING"]


def test_a_change_while_it_stops_is_seen_by_the_start_that_follows():
    """One restart, and not two."""
    desk = Desk()
    desk.acts()
    assert desk.web.state is State.STOPPING
    assert desk.acts() == []
    assert spawned(desk.ends("web", TERM)) == ["web"]
    assert desk.passes(100) == []


def test_a_change_while_pre_start_runs_is_one_more_restart():
    """What pre_start makes of the files may be old by then."""
    desk = Desk(pre_start=(HookCommand("make"),))
    assert desk.web.state is State.STARTING
    assert desk.acts() == []
    actions = desk.says(HookEnded("web", desk.web.hooks.number, ok=True))
    assert whats(actions) == [("restart", "src/app.py changed")]


def test_a_change_before_it_is_spawned_needs_nothing():
    """It waits for what it depends on, and reads the file afterwards."""
    db = group("db", startsecs=5)
    web = group("web", startsecs=0, watch=("src/",), depends_on=(Edge("db", "ready", False, ("db",)),))
    desk = Desk(db, web)
    assert desk.web.state is State.STARTING
    desk.now = 1.0
    assert desk.acts() == []
    assert [one.name for one in of(AnnounceWatch, desk.passes(10))] == []
    assert desk.web.state is State.RUNNING


def test_one_that_is_blocked_stays_so():
    """It starts with what it depends on, whatever its files are."""
    db = group("db", autostart=False)
    web = group("web", startsecs=0, watch=("src/",), depends_on=(Edge("db", "ready", False, ("db",)),))
    desk = Desk(db, web)
    assert desk.says(SpawnFailed("db", "no")) is not None
    while desk.fleet.processes["db"].state is not State.FATAL:
        actions = desk.fleet.handle(DeadlineReached(), desk.now)
        for order in of(Spawn, actions):
            desk.fleet.handle(SpawnFailed(order.name, "no"), desk.now)
        desk.now += 10
    assert desk.web.ties.blocked
    assert desk.acts() == []


def test_it_is_no_failure_and_begins_the_counts_anew():
    """The brake and restart_limit count only what a program does by itself."""
    desk = Desk(restart_limit=(2, 1000), autorestart=Autorestart.ALWAYS)
    for number in range(4):
        desk.ends("web", ExitStatus(1))
        desk.passes(2)
        assert desk.acts(number)
        desk.ends("web", TERM)
        assert desk.web.state is State.RUNNING
        desk.passes(SOON)


def loop(desk: Desk, times: int, *, every: float = 1.0, files=(1,)) -> list[str]:
    """What is done about a program that writes its file a moment after each start."""
    done = []
    for _ in range(times):
        desk.passes(every)
        actions = desk.acts(*files)
        done += [news.what for news in of(AnnounceWatch, actions)]
        if killed(actions):
            desk.ends("web", TERM)
    return done


def test_a_program_that_changes_its_own_files_is_watched_no_more():
    """After five restarts it goes on running, until somebody asks for a start."""
    desk = Desk()
    desk.passes(1000)
    assert loop(desk, MOST + 2) == ["restart"] * MOST + ["suspended"]
    assert desk.web.state is State.RUNNING
    assert desk.fleet.watches.is_suspended("web")
    assert desk.acts() == []
    resumed = desk.says(RestartRequested("web"))
    assert whats(resumed)[0] == ("resumed", "")
    desk.ends("web", TERM)
    assert loop(desk, MOST + 1) == ["restart"] * MOST + ["suspended"]


@pytest.mark.parametrize(
    "event",
    [
        StartRequested("web"),
        RestartRequested("web"),
        WatchesRenewed(),
        GroupChanged(group("web", startsecs=0, watch=("src/", "x")), frozenset()),
    ],
)
def test_what_is_suspended_is_watched_again(event):
    """By a start, and by an update."""
    desk = Desk()
    loop(desk, MOST + 1)
    assert ("resumed", "") in whats(desk.says(event))
    assert not desk.fleet.watches.is_suspended("web")


def test_a_person_who_saves_again_and_again_is_no_loop():
    """The same file ten times in half a minute, but not each time just after the restart."""
    desk = Desk()
    assert loop(desk, 20, every=SOON + 0.1) == ["restart"] * 20


def test_other_files_each_time_are_no_loop():
    """Somebody edits one after the other."""
    desk = Desk()
    done = [what for number in range(12) for what in loop(desk, 1, files=(number,))]
    assert done == ["restart"] * 12


def test_times_that_are_long_ago_are_no_loop():
    """Five within the window count, and no others."""
    desk = Desk(startsecs=WINDOW / MOST)
    desk.passes(100)
    assert loop(desk, 12, every=WINDOW / MOST) == ["restart"] * 12


def test_reloads_are_a_loop_as_well():
    """A program that writes a file when it reads its configuration again."""
    desk = Desk(watch_action=WatchAction("signal", signal=1))
    assert loop(desk, MOST + 1) == ["signal"] * MOST + ["suspended"]


def chain(**options) -> Desk:
    """An app that depends on a database, and a page that depends on the app."""
    ready = lambda name: (Edge(name, "ready", False, (name,)),)  # noqa: E731
    return Desk(
        group("db", startsecs=0, watch=("src/",), **options),
        group("app", startsecs=0, depends_on=ready("db")),
        group("page", startsecs=0, depends_on=ready("app")),
        group("other", startsecs=0),
    )


def test_with_watch_cascade_what_depends_on_it_is_restarted_too():
    """Those stop before it, and start after it."""
    desk = chain(watch_cascade=True)
    desk.saves(name="db")
    actions = desk.passes(QUIET)
    assert killed(actions) == ["page"]
    assert killed(desk.ends("page", TERM)) == ["app"]
    assert killed(desk.ends("app", TERM)) == ["db"]
    assert spawned(desk.ends("db", TERM)) == ["db", "app", "page"]
    assert set(desk.states().values()) == {"RUNNING"}
    assert desk.passes(100) == []


def test_without_it_only_the_program_itself_is_restarted():
    """It is the default."""
    desk = chain()
    desk.saves(name="db")
    assert killed(desk.passes(QUIET)) == ["db"]
    assert spawned(desk.ends("db", TERM)) == ["db"]


def test_what_is_stopped_stays_so_with_watch_cascade():
    """An operator has stopped the app."""
    desk = chain(watch_cascade=True)
    desk.says(StopRequested("app"))
    desk.ends("app", TERM)
    desk.saves(name="db")
    desk.passes(QUIET)
    assert "app" not in spawned(desk.ends("db", TERM))


def test_nothing_is_done_while_the_master_ends():
    """Neither about a change before that nor about one meanwhile."""
    desk = Desk()
    desk.saves()
    desk.says(ShutdownRequested())
    assert desk.acts() == []
    assert desk.says(Exited(desk.web.pid, TERM))


def test_a_change_goes_over_an_upgrade_and_the_suspension_does_too():
    """Names of files are not in it."""
    desk = Desk()
    desk.saves(1, 2)
    data = json.loads(json.dumps(desk.fleet.snapshot()))
    assert "src/app.py" not in json.dumps(data)
    desk.fleet = Fleet()
    desk.fleet.restore(data, READERS)
    assert whats(desk.passes(QUIET)) == [("restart", "a file changed (2 files)")]
    desk.ends("web", TERM)
    loop(desk, MOST)
    data = json.loads(json.dumps(desk.fleet.snapshot()))
    desk.fleet = Fleet()
    desk.fleet.restore(data, READERS)
    assert desk.fleet.watches.is_suspended("web")


def test_one_without_watch_is_left_alone():
    """Also where it has changed between the change and what is done about it."""
    desk = Desk(watch=())
    assert desk.acts() == []
    desk = Desk()
    desk.saves()
    desk.says(GroupChanged(group("web", startsecs=0), frozenset()))
    assert desk.passes(100) == []


def test_what_has_left_is_forgotten():
    """A process of the same name that comes later begins anew."""
    desk = Desk()
    loop(desk, MOST + 1)
    desk.fleet.watches.forget("web")
    assert not desk.fleet.watches.is_suspended("web")
    assert desk.fleet.watches.snapshot() == {}


def test_a_spawn_that_fails_counts_nothing_of_it():
    """It backs off as ever."""
    desk = Desk()
    desk.acts()
    desk.fleet.handle(Exited(desk.web.pid, TERM), desk.now)
    desk.fleet.handle(SpawnFailed("web", "no such file"), desk.now)
    assert (desk.web.state, desk.web.failures) == (State.BACKOFF, 1)


class Several(Desk):
    """Three processes of one program, and what depends on them."""

    NAMES = ("web:0", "web:1", "web:2")

    def __init__(self, **options) -> None:
        options = {
            "section": "program:web",
            "restart_strategy": "rolling",
            "watch": ("src/",),
            "startsecs": 0,
        } | options
        proxy = group("proxy", startsecs=0, depends_on=(Edge("web", "started", False, self.NAMES),))
        super().__init__(members("web", *"012", **options), proxy)

    def save(self) -> list[Action]:
        for name in self.NAMES:
            self.saves(name=name)
        return self.passes(QUIET)

    def fails(self, name: str) -> list[Action]:
        """It cannot be executed."""
        return self.says(SpawnFailed(name, "no such file"))


def test_the_processes_of_a_program_are_restarted_in_turn():
    """With restart_strategy=rolling, so that somebody answers all the time; what depends on them is restarted last."""
    desk = Several(watch_cascade=True)
    actions = desk.save()
    assert [news.name for news in of(AnnounceWatch, actions)] == list(desk.NAMES)
    assert killed(actions) == ["web:0"]
    assert killed(desk.ends("web:0", TERM)) == ["web:1"]
    assert killed(desk.ends("web:1", TERM)) == ["web:2"]
    actions = desk.ends("web:2", TERM)
    assert [news.what for news in of(AnnounceRolling, actions)] == ["ready", "done"]
    assert killed(actions) == ["proxy"]
    assert spawned(desk.ends("proxy", TERM)) == ["proxy"]


def test_without_that_they_are_restarted_together():
    """As an update does it."""
    assert killed(Several(restart_strategy="all").save()) == list(Several.NAMES)


def test_a_change_during_a_rolling_restart_is_followed_by_one_more():
    """Of those that had their turn before the change; also over an upgrade."""
    desk = Several()
    desk.save()
    desk.ends("web:0", TERM)
    assert killed(desk.save()) == []
    desk.fleet.restore(json.loads(json.dumps(desk.fleet.snapshot())), READERS)
    assert killed(desk.ends("web:1", TERM)) == ["web:2"]
    actions = desk.ends("web:2", TERM)
    assert [news.what for news in of(AnnounceRolling, actions)][:3] == ["ready", "done", "began"]
    assert killed(actions) == ["web:0"]

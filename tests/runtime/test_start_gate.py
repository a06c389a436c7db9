"""Whether the disk answers that a program is started from: looked at beside the loop, and not twice in a moment."""

import _thread
import asyncio
import os
import threading

import pytest

from procman.runtime import start_gate
from procman.runtime.start_gate import StartGate
from procman.system.accounts import Account
from tests.support.programs import program

PATIENCE = 30.0
UID = 12345


class Disk:
    """Answers who opens something in its folder when it is let."""

    def __init__(self, monkeypatch, folder) -> None:
        self.opened: list[str] = []
        self._asked = threading.Semaphore(0)
        self.answers = threading.Event()
        self.answers.set()
        opens = os.open

        def asked(path, *arguments, **options):
            if str(path).startswith(str(folder)):
                self.opened.append(path)
                self._asked.release()
                assert self.answers.wait(PATIENCE)
            return opens(path, *arguments, **options)

        monkeypatch.setattr(os, "open", asked)

    def first_opened(self, count: int) -> list[str]:
        """What is opened first, sorted; waits until it is so many: each is opened on a thread of its own."""
        for _ in range(count):
            assert self._asked.acquire(timeout=PATIENCE)
        return sorted(self.opened)


@pytest.fixture
def disk(monkeypatch, tmp_path):
    return Disk(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However busy this machine is, a disk that answers is not taken to be silent, nor an answer to be old."""
    monkeypatch.setattr(start_gate, "PATIENCE", PATIENCE)
    monkeypatch.setattr(start_gate, "FRESH", PATIENCE)


class Setting:
    """The gate, what it has logged, and its changes one by one."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.was_said = asyncio.Event()
        self._news: asyncio.Queue[None] = asyncio.Queue()
        self.gate = StartGate(self._say, lambda: self._news.put_nowait(None))

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.was_said.set()

    async def news(self) -> None:
        await asyncio.wait_for(self._news.get(), PATIENCE)

    async def until_open(self, what) -> None:
        while self.gate.is_open(what) is not True:
            await self.news()


def test_what_lies_in_path_is_taken_to_be_there(disk):
    """A command that is found by PATH is not probed."""

    async def main() -> bool | None:
        return Setting().gate.is_open(program(command="sleep 1"))

    assert asyncio.run(main()) is True
    assert disk.opened == []


def test_a_look_is_good_for_a_moment(disk, tmp_path, monkeypatch):
    """Its file and its folder are opened once for all that is started in that moment, whether they are there or not."""
    monkeypatch.setattr(start_gate, "LEASE", PATIENCE)
    app = program(command="bin/app x", directory=str(tmp_path))

    async def main() -> tuple[bool | None, ...]:
        setting = Setting()
        first = setting.gate.is_open(app), setting.gate.is_open(app)
        await setting.until_open(app)
        return (*first, setting.gate.is_open(app))

    assert asyncio.run(main()) == (None, None, True)
    assert sorted(disk.opened) == [str(tmp_path), f"{tmp_path}/bin/app"]


def test_it_is_looked_at_again_later(disk, tmp_path, monkeypatch):
    """Once what it was for has been started; a loop that is slow comes to that, too."""
    monkeypatch.setattr(start_gate, "LEASE", -1.0)
    app = program(command=f"{tmp_path}/app")

    async def main() -> tuple[bool | None, ...]:
        setting = Setting()
        first = setting.gate.is_open(app)
        await setting.news()
        return first, setting.gate.is_open(app), setting.gate.is_open(app)

    assert asyncio.run(main()) == (None, True, None)


def test_a_silent_disk_is_said_and_its_answer_too(disk, tmp_path, monkeypatch):
    """A silent disk is logged, and its answer, too; programs on other disks are not held up."""
    monkeypatch.setattr(start_gate, "PATIENCE", 0.01)
    monkeypatch.setattr(start_gate, "SAID_AFTER", 0.01)
    app, other = program(command=f"{tmp_path}/app"), program(command="/bin/true")
    elsewhere = program(command="/bin/true", directory=str(tmp_path))

    async def main() -> list[str]:
        setting = Setting()
        disk.answers.clear()
        assert setting.gate.is_open(app) is None
        assert setting.gate.silent is None  # not yet
        await setting.news()
        assert setting.gate.is_open(app) is False
        assert setting.gate.silent == f"the disk of {tmp_path}/app does not answer"
        assert setting.gate.silence_for(app) == setting.gate.silent
        assert setting.gate.silence_for(elsewhere) is None
        while setting.gate.is_open(elsewhere) is None:
            await setting.news()
        assert setting.gate.is_open(elsewhere) is False
        await setting.until_open(other)  # which that one needs, too
        await asyncio.wait_for(setting.was_said.wait(), PATIENCE)
        assert disk.first_opened(2) == [str(tmp_path), f"{tmp_path}/app"]
        disk.answers.set()
        await setting.until_open(app)
        await setting.until_open(elsewhere)
        assert setting.gate.silent is None
        return [text for text in setting.said if f"{tmp_path}/app " in text]

    said = asyncio.run(main())
    assert said[0] == f"the disk of {tmp_path}/app does not answer; programs that are started from there wait"
    assert said[1].startswith(f"the disk of {tmp_path}/app answers again, after ")
    assert len(said) == 2


def test_who_is_silent_among_many_is_known_of_all_at_once(disk, tmp_path, monkeypatch):
    """One call tells which of many programs are on silent disks."""
    monkeypatch.setattr(start_gate, "PATIENCE", 0.01)
    # What is in PATH is not looked at, so it is not silent on a machine that is busy.
    app, other = program("app", command=f"{tmp_path}/app"), program("other", command="true")

    async def main() -> list[set[str]]:
        setting = Setting()
        disk.answers.clear()
        found = [await setting.gate.silent_among([other, app])]
        monkeypatch.setattr(start_gate, "PATIENCE", PATIENCE)
        disk.answers.set()
        await setting.until_open(app)
        return [*found, await setting.gate.silent_among([app, other])]

    assert asyncio.run(main()) == [{"app"}, set()]


def test_a_helper_command_is_probed_as_a_program_is(disk, tmp_path, monkeypatch):
    """It may run once the disk of its file responds."""
    monkeypatch.setattr(start_gate, "PATIENCE", 0.01)
    command = f"{tmp_path}/tell --quickly"

    async def main() -> list[bool]:
        setting = Setting()
        disk.answers.clear()
        found = [await setting.gate.may_run("tell"), await setting.gate.may_run(command)]
        monkeypatch.setattr(start_gate, "PATIENCE", PATIENCE)
        disk.answers.set()
        await setting.until_open(program("tell", command=command))
        return [*found, await setting.gate.may_run(command)]

    assert asyncio.run(main()) == [True, False, True]


def test_who_waits_to_know_is_let_go_at_the_end(disk, tmp_path, monkeypatch):
    """What nobody has found out must not be asked for any more."""
    app = program("app", command=f"{tmp_path}/app")
    hears = StartGate._answered

    async def main() -> set[str]:
        heard = asyncio.Event()
        monkeypatch.setattr(StartGate, "_answered", lambda *answer: (hears(*answer), heard.set()))
        setting = Setting()
        disk.answers.clear()
        asked = asyncio.ensure_future(setting.gate.silent_among([app]))
        await asyncio.sleep(0)
        setting.gate.close()
        found = await asked
        disk.answers.set()
        await asyncio.wait_for(heard.wait(), PATIENCE)  # no thread of this test looks on in the next
        return found

    assert asyncio.run(main()) == {"app"}


def test_an_answer_that_comes_too_late_for_everybody_is_nobodys(disk, tmp_path, monkeypatch):
    """The master begins anew, or has ended."""
    app = program(command=f"{tmp_path}/app")

    hears = StartGate._answered

    async def main() -> bool:
        heard = asyncio.Event()
        monkeypatch.setattr(StartGate, "_answered", lambda *answer: (hears(*answer), heard.set()))
        setting = Setting()
        disk.answers.clear()
        assert setting.gate.is_open(app) is None
        setting.gate.close()
        disk.answers.set()
        await asyncio.wait_for(heard.wait(), PATIENCE)
        return setting._news.empty()

    assert asyncio.run(main())


def test_what_is_no_program_is_not_opened(monkeypatch, tmp_path):
    """By root a link of somebody else could lead to a device that does something then."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "app").touch()
    looked_up: list[bool] = []
    opens = os.open

    def asked(path, flags, **options):
        fd = opens(path, flags, **options)
        # Not what a look of somebody else opens in this moment.
        if os.readlink(f"/proc/self/fd/{fd}").startswith(str(tmp_path)):
            looked_up.append(bool(flags & os.O_PATH))
        return fd

    async def main(name: str) -> list[bool]:
        looked_up.clear()
        setting = Setting()
        with monkeypatch.context() as here:
            here.setattr(os, "open", asked)
            assert setting.gate.is_open(program(command=f"{tmp_path}/{name}")) is None
            await setting.news()
        return looked_up

    assert asyncio.run(main("fifo")) == [True]
    assert asyncio.run(main("app")) == [True, False]


def test_a_user_is_looked_up_beside_the_loop(monkeypatch):
    """The program becomes the user that the look found; the loop does not ask for it again."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    asked_on: list[int] = []

    def find_account(uid: int) -> Account:
        asked_on.append(threading.get_ident())
        if uid != UID:
            raise KeyError(uid)
        return Account(uid, 5, [5, 6])

    monkeypatch.setattr(start_gate, "find_account", find_account)
    app, unknown = program(command="app", uid=UID), program(command="app", uid=UID + 1)

    async def main() -> tuple[Account, int]:
        setting = Setting()
        assert setting.gate.is_open(app) is None
        await setting.until_open(app)
        found = setting.gate.account(UID)
        await setting.until_open(unknown)
        with pytest.raises(KeyError):
            setting.gate.account(UID + 1)
        return found, len(asked_on)

    assert asyncio.run(main()) == (Account(UID, 5, [5, 6]), 2)
    assert threading.get_ident() not in asked_on


def test_whom_nobody_could_look_up_is_looked_up_when_it_is_needed(monkeypatch):
    """What an earlier look has found may be wrong by now."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(start_gate, "LEASE", -1.0)
    found = [Account(UID, 5, [5]), Account(UID, 6, [6])]
    monkeypatch.setattr(start_gate, "find_account", lambda _: found.pop(0))
    app = program(command="app", uid=UID)

    def none_left(*_: object) -> None:
        raise RuntimeError

    async def main() -> list[int]:
        setting = Setting()
        assert setting.gate.is_open(app) is None
        await setting.until_open(app)
        gids = [setting.gate.account(UID).gid]
        monkeypatch.setattr(_thread, "start_new_thread", none_left)
        assert setting.gate.is_open(app) is True
        return [*gids, setting.gate.account(UID).gid]

    assert asyncio.run(main()) == [5, 6]


def test_where_nobody_can_look_it_is_open(disk, tmp_path, monkeypatch):
    """There are no more threads, or too many of them that hang."""

    def none_left(*_: object) -> None:
        raise RuntimeError

    async def main() -> tuple[bool | None, ...]:
        setting = Setting()
        with monkeypatch.context() as here:
            here.setattr(_thread, "start_new_thread", none_left)
            first = setting.gate.is_open(program(command=f"{tmp_path}/app"))
        monkeypatch.setattr(start_gate, "MOST_SILENT", 1)
        disk.answers.clear()
        second = setting.gate.is_open(program(command=f"{tmp_path}/one"))
        third = setting.gate.is_open(program(command=f"{tmp_path}/two"))
        disk.answers.set()
        await setting.news()
        return first, second, third

    assert asyncio.run(main()) == (True, None, True)


def test_a_command_that_cannot_be_read_is_for_the_start_to_refuse():
    """It says why."""

    async def main() -> list[bool | None]:
        return [Setting().gate.is_open(program(command=command)) for command in ("'/bin/true", "", '""')]

    assert asyncio.run(main()) == [True, True, True]

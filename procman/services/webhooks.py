"""Posts to web hooks by a helper process, which is started when it is first needed, and ends when it is idle."""

import asyncio
import json
from collections.abc import Callable
from itertools import count

from procman.notify.outbox import Outcome
from procman.runtime.children import Children
from procman.runtime.helper_process import HelperProcess
from procman.system.commands import CannotSpawn

MODULE = "procman.webhook.sender"

# Seconds: how long an outcome is waited for, until an idle helper is let go, and from a failure of the helper itself
# to the next start, which doubles.
ANSWER_WITHIN = 30.0
IDLE = 60.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class Webhooks:
    """The helper of one run of the master."""

    def __init__(self, children: Children, tag: Callable[[], str], *, module: str = MODULE, idle: float = IDLE) -> None:
        """`tag` makes a tag for the helper (see `system.tree`)."""
        self._children = children
        self._tag = tag
        self._module = module
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._helper: HelperProcess | None = None
        self._numbers = count(1)
        self._posts: dict[int, asyncio.Future[Outcome]] = {}
        self._idle_timer: asyncio.TimerHandle | None = None
        self._failures = 0  # of the helper, in a row
        self._not_before = 0.0
        self._last_end = ""

    @property
    def pid(self) -> int | None:
        """That of the helper, if there is one."""
        return None if self._helper is None else self._helper.pid

    async def post(self, url: str, body: bytes) -> Outcome:
        """Post it; what comes of it is known within ANSWER_WITHIN seconds."""
        helper = self._started()
        if isinstance(helper, Outcome):
            return helper
        number = next(self._numbers)
        job = json.dumps({"id": number, "url": url, "body": body.decode()})
        if not helper.send(job.encode()):
            return Outcome(ok=False, words="the helper process does not take any more", again=True)
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._posts[number] = future
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                outcome: Outcome = await future
                return outcome
        except TimeoutError:
            # It hangs in this one, whatever the server does to it; a new one takes the others.
            helper.kill()
            return Outcome(ok=False, words=f"there is no answer within {ANSWER_WITHIN:g} s", again=True)
        finally:
            self._posts.pop(number, None)
            self._watch_idleness()

    def close(self) -> None:
        """Kill the helper; it is reaped later."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()

    def _started(self) -> HelperProcess | Outcome:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._helper is not None:
            return self._helper
        left = self._not_before - self._loop.time()
        if left > 0:
            return Outcome(ok=False, words=self._last_end, again=True, after=left)
        try:
            self._helper = HelperProcess(
                self._module, self._children, self._tag(), on_line=self._take, on_end=self._ended
            )
        except CannotSpawn as error:
            return self._helper_failed(f"the helper process cannot be started: {error}")
        return self._helper

    def _take(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            after = answer["after"]
            outcome = Outcome(
                ok=answer["ok"] is True,
                words=str(answer["words"]),
                again=answer["again"] is True,
                after=None if after is None else float(after),
            )
            post = self._posts.get(answer["id"])
        except (ValueError, KeyError, TypeError):
            return  # a warning of a library, say
        self._failures = 0
        if post is not None and not post.done():
            post.set_result(outcome)

    def _ended(self, how: str) -> None:
        self._helper = None
        outcome = None
        for post in tuple(self._posts.values()):
            if not post.done():
                outcome = outcome or self._helper_failed(f"the helper process has ended: {how}")
                post.set_result(outcome)

    def _helper_failed(self, words: str) -> Outcome:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 20))
        self._failures += 1
        self._last_end = words
        self._not_before = self._loop.time() + pause
        return Outcome(ok=False, words=words, again=True, after=pause)

    def _watch_idleness(self) -> None:
        if self._posts or self._helper is None:
            return
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = self._loop.call_later(self._idle, self._let_go)

    def _let_go(self) -> None:
        self._idle_timer = None
        if self._helper is not None and not self._posts:
            # A job that comes before it has ended needs another one.
            helper, self._helper = self._helper, None
            helper.end()

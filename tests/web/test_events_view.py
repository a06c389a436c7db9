"""The view that follows the journal in a real browser."""

import json

import pytest

from tests.support.browser import IS_ENDING, NOBODY_ANSWERS, Cutter, Site, program
from tests.support.master_process import Master

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WHAT = "[...document.querySelectorAll('#records .record')].map((line) => line.querySelector('.what').textContent)"
WHOSE = "[...document.querySelectorAll('#records .whose')].map((name) => name.textContent)"
AT_ITS_END = "page.$('records').scrollHeight - page.$('records').scrollTop - page.$('records').clientHeight < 2"
# Every address that the page asks for from now on.
LISTEN = (
    "window.asked = []; const real = fetch; window.fetch = (url, ...rest) => (asked.push(url), real(url, ...rest));"
)


def shows(text):
    return f"{WHAT}.some((what) => what.includes({json.dumps(text)}))"


def give(browser, *records):
    """Hand records to the view as if they had arrived."""
    browser.driver.execute_script("page.journal.take(arguments[0])", list(records))


def record(seq, kind="master", **fields):
    return {"seq": seq, "time": 1.7e9 + seq, "mono": 1.0 * seq, "kind": kind, **fields}


def test_events_appear_as_they_happen_with_who_asked(site, browser):
    """The view begins with what has happened, and what happens is appended, with who asked for it."""
    master = site(program("web") + program("other"))
    browser.show(master.url)
    browser.click("#all-events")
    browser.until(shows("STARTING → RUNNING"))
    browser.press("web", "stop")
    browser.until(shows("asked for: stop web, by a client of "))
    browser.until(shows("SIGTERM to pid "))
    browser.until(shows("STOPPING → STOPPED"))
    assert {"web", "other", "procman"} <= set(browser.ask(WHOSE))


def test_a_closed_view_has_no_connection(site, browser):
    """Before the view is opened, and after it is closed, nothing is asked of the journal."""
    master = site(program("web"))
    browser.show(master.url)
    browser.driver.execute_script(LISTEN)
    browser.press("web", "stop")
    browser.state("web", "stopped")
    asked = "asked.filter((url) => String(url).includes('/journal'))"
    assert browser.ask(asked) == []
    browser.click("#all-events")
    browser.until(shows("STOPPING → STOPPED"))
    assert browser.ask("Boolean(page.journal.controller)")
    browser.escape()
    browser.until("document.querySelector('#log').hidden")
    assert browser.ask("[page.journal.controller, page.$('records').childElementCount]") == [None, 0]
    assert len(browser.ask(asked)) == 1


def test_events_of_one_process(site, browser):
    """From the views of a process, only its own events are shown, and there is no filter by name."""
    master = site(program("web") + program("other"))
    browser.show(master.url + "#events/web")
    browser.until(shows("STARTING → RUNNING"))
    browser.press("other", "stop")
    browser.state("other", "stopped")
    browser.press("web", "stop")
    browser.until(shows("STOPPING → STOPPED"))
    assert set(browser.ask(WHOSE)) == {"web"}
    assert not browser.find("#of-name").is_displayed()


def test_the_filters_choose_names_and_kinds(site, browser):
    """A name, a group or a pattern, and a kind, choose what is shown; an unknown name is said; names are offered."""
    master = site(program("web") + program("pool", numprocs=2, process_name="p_%(process_num)d"))
    browser.may_say("404 (Not Found)")
    browser.show(master.url + "#events")
    browser.until(shows("STARTING → RUNNING"))
    browser.type("#of-name", "pool\n")
    browser.until(f"{WHOSE}.length && {WHOSE}.every((name) => name.startsWith('pool'))")
    offered = "[...page.$('names').options].map((option) => option.value)"
    assert browser.ask(offered) == ["pool", "pool:p_0", "pool:p_1", "web"]
    browser.driver.execute_script(
        "const kind = page.$('of-kind'); kind.value = 'spawn,exit'; kind.dispatchEvent(new Event('change'))"
    )
    browser.until(f"{WHAT}.length === 2 && {WHAT}.every((what) => what.startsWith('started with pid'))")
    browser.find("#of-name").clear()
    browser.type("#of-name", "nobody\n")
    browser.until("page.$('events-note').textContent === 'There is no such process.'")
    browser.find("#of-name").clear()
    browser.type("#of-name", "w*\n")
    browser.until(f"{WHOSE}.length === 1 && {WHOSE}[0] === 'web'")


def test_the_reader_who_scrolls_back_is_not_moved(site, browser):
    """While the reader has scrolled back, new events wait below, are counted, and a button leads to them."""
    master = site(program("web"))
    browser.show(master.url + "#events")
    browser.until(shows("STARTING → RUNNING"))
    give(browser, *(record(number, reason=f"event {number}") for number in range(1000, 1200)))
    browser.until(f"{shows('event 1199')} && {AT_ITS_END}")
    browser.driver.execute_script("page.$('records').scrollTop = 0")
    browser.until("!page.$('newest-records').hidden")
    give(browser, record(1200, reason="event 1200"), record(1201, reason="event 1201"))
    browser.until(shows("event 1201"))
    assert browser.ask("page.$('records').scrollTop") == 0
    assert browser.text("#newest-records") == "2 new"
    browser.click("#newest-records")
    browser.until(f"page.$('newest-records').hidden && {AT_ITS_END}")


def test_the_number_of_lines_is_bounded(site, browser):
    """The view keeps the latest thousand lines, and twice as many while the reader has scrolled back."""
    master = site(program("web"))
    browser.show(master.url + "#events")
    browser.until(shows("STARTING → RUNNING"))
    give(browser, *(record(number, reason=f"event {number}") for number in range(1000, 5000)))
    browser.until(shows("event 4999"))
    assert browser.ask(f"{WHAT}.length === page.RECORDS")
    browser.driver.execute_script("page.$('records').scrollTop = 0")
    browser.until("!page.$('newest-records').hidden")
    for start in range(5000, 8000, 500):
        give(browser, *(record(number, reason=f"event {number}") for number in range(start, start + 500)))
        browser.until(shows(f"event {start + 499}"))
    assert browser.ask(f"{WHAT}.length === 2 * page.RECORDS")


def test_a_gap_is_shown_and_texts_are_texts(site, browser):
    """Missing records are said where they are missing; markup and control characters in records have no effect."""
    master = site(program("web"))
    browser.show(master.url + "#events")
    browser.until(shows("STARTING → RUNNING"))
    nasty = "<img src=x onerror=alert(1)> \x1b[31mred \u202e"
    gap = {"from": 1001, "to": 1999, "records": 900, "reason": "the journal was full"}
    give(browser, record(1000, name=nasty, reason=nasty), record(2000, "gap", data=gap))
    browser.until(shows("records are missing from #1001 to #1999, 900 of them: the journal was full"))
    assert browser.ask("document.querySelectorAll('#records img').length") == 0
    assert browser.ask(f"{WHOSE}.at(-2)") == "<img src=x onerror=alert(1)> red \ufffd"
    assert browser.ask("document.querySelector('#records .record:last-child').dataset.gravity") == "warn"


def test_a_stream_that_is_cut_goes_on_behind_the_last_event(site, browser):
    """After a cut the view asks for what came after its last number, so nothing is shown twice or lost."""
    master = site(program("web"))
    browser.may_say(NOBODY_ANSWERS)
    with Cutter(master.port) as proxy:
        browser.show(f"http://localhost:{proxy.port}/#events/web")
        browser.until(shows("STARTING → RUNNING"))
        before = browser.ask(WHAT)
        browser.driver.execute_script(LISTEN)
        proxy.cut()
        browser.until("asked.some((url) => String(url).includes('since='))")
        browser.press("web", "stop")
        browser.until(shows("STOPPING → STOPPED"))
        after = browser.ask(WHAT)
    assert after[: len(before)] == before
    assert len([what for what in after if "STARTING → RUNNING" in what]) == 1


def test_another_master_begins_anew(site, browser):
    """The numbers of another master begin anew, so the records of the one before leave, and none of it is missed."""
    master = site(program("web"))
    browser.may_say(NOBODY_ANSWERS, IS_ENDING)
    browser.show(master.url + "#events")
    browser.until(shows("STARTING → RUNNING"))
    give(browser, record(90_000, reason="the last one"))
    browser.until(shows("the last one"))
    master.process.kill()
    master.to_the_end()
    browser.until("document.body.dataset.link === 'lost'")
    browser.driver.execute_script("page.master.info.start = 0")  # the two may begin within one second
    with Master(master.file):
        browser.until(f"{WHAT}.some((what) => what.includes('began with pid')) && !{shows('the last one')}")


def test_escape_empties_the_name_first(site, browser):
    """Escape in the field of the name shows everything again, and then closes the panel."""
    master = site(program("web") + program("other"))
    browser.show(master.url + "#events")
    browser.type("#of-name", "other\n")
    browser.until(f"{WHOSE}.length && {WHOSE}.every((name) => name === 'other')")
    browser.escape()
    browser.until(f"{WHOSE}.includes('web')")
    browser.escape()
    browser.until("document.querySelector('#log').hidden")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "spawn", "data": {"failed": True}, "reason": "no such file"}, "could not be started: no such file"),
        ({"kind": "spawn", "reason": "adopted", "data": {"pid": 7, "age": 63}}, "adopted with pid 7, which has been"),
        (
            {"kind": "exit", "data": {"pid": 7, "signal": "SIGSEGV", "core": True}},
            "terminated by SIGSEGV (core dumped)",
        ),
        (
            {"kind": "exit", "data": {"pid": 7, "code": 1, "descendants": [8], "descendants_count": 3}},
            "ended with exit status 1; of its descendants there are pid 8 and 2 more",
        ),
        ({"kind": "signal", "reason": "overdue", "data": {"signal": "SIGKILL", "pid": 7}}, "as stopwaitsecs were over"),
        (
            {"kind": "op-end", "reason": "update", "data": {"failed": ["a"], "failed_count": 2}},
            "failed for a, and 1 more",
        ),
        (
            {"kind": "confirmation", "reason": "kept", "data": {"update": 7, "words": "is kept: confirmed by uid 0"}},
            "update 7 is kept: confirmed by uid 0",
        ),
        ({"kind": "update-step", "reason": "updated", "data": {"options": ["user"]}}, "update: updated (user)"),
        ({"kind": "master", "reason": "began", "data": {"version": "1", "pid": 1}}, "procman 1 began with pid 1"),
        (
            {"kind": "access-denied", "reason": "bad password", "data": {"status": 401}, "times": 3},
            "(HTTP 401) (3 times)",
        ),
        (
            {"kind": "state", "from": "RUNNING", "to": "EXITED", "data": {"expected": False}},
            "RUNNING → EXITED, not expected",
        ),
        (
            {"kind": "op-begin", "reason": "stop", "data": {"targets": ["a"]}, "actor": {"kind": "client", "uid": 0}},
            "asked for: stop a, by uid 0",
        ),
        ({"kind": "of-a-newer-master", "reason": "something new"}, "something new"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_every_kind_of_record_has_its_words(words_of, fields, words):
    """Each kind is told in words, as `procmanctl events` tells it; a kind of a newer master by its reason."""
    assert words in words_of(record(1, **fields))


@pytest.fixture(scope="module")
def words_of(chromium, tmp_path_factory):
    """What the page says of a record."""
    with Site(tmp_path_factory.mktemp("words"), program("web")) as master:
        chromium.fresh()
        chromium.show(master.url)
        yield lambda one: chromium.driver.execute_script("return page.whatHappened(arguments[0])", one)
        chromium.leave()

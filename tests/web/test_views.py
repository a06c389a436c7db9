"""The views of a process in a real browser: why it is as it is, its history, and its crash reports."""

import json
import re
from itertools import pairwise

import pytest

from tests.support.browser import MISSING, program, row, section

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The headings that a screen reader lists, with their levels, as far as they can be seen.
HEADINGS = (
    "[...document.querySelectorAll('h1, h2, h3, h4')].filter((e) => e.checkVisibility() && e.textContent)"
    ".map((e) => [Number(e.tagName[1]), e.textContent])"
)
# Every address that the page asks for from now on.
LISTEN = (
    "window.asked = []; const real = fetch; window.fetch = (url, ...rest) => (asked.push(url), real(url, ...rest));"
)


def text_of(selector):
    return f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"


def open_view(browser, view):
    browser.click(f"#views [data-view={view}]")
    browser.until(f"document.querySelector('#views [aria-current]').dataset.view === '{view}'")


def test_what_waits_for_its_next_try_is_retried_by_a_button(site, browser):
    """Only while it waits, or was given up: else there is nothing to be retried."""
    master = site(program("flap", startsecs=1000, startretries=1000, backoff="1000s"))
    browser.show(master.url)
    browser.state("flap", "starting")
    master.say("flap", "exit 1\n")
    browser.state("flap", "backoff")
    browser.click("[data-spec=flap] .why")
    browser.click("#log-actions [data-do=retry]")
    browser.state("flap", "starting")
    browser.until("document.querySelector('#log-actions [data-do=retry]').hidden")


def test_a_one_shot_is_run_by_a_button(site, browser):
    """Again and again, once it is done; what is to stay up has no such button, and is started."""
    migrate = "[program:migrate]\ntype=oneshot\ncommand=sh -c 'read line; echo $line'\n"
    master = site(migrate + program("web"))
    browser.show(master.url + "#log/migrate")
    for words in ("first", "second"):
        browser.until("document.querySelector('#log-actions [data-do=run]').ariaDisabled === 'true'")
        master.say("migrate", f"{words}\n")
        browser.until(f"{text_of('[data-spec=migrate] .detail')}.includes('done')")
        browser.until(f"{text_of('#log')}.includes('{words}')")
        if words == "first":
            browser.click("#log-actions [data-do=run]")
    assert not browser.find("#log-actions [data-do=start]").is_displayed()
    browser.show(master.url + "#log/web")
    browser.until("document.querySelector('#log-actions [data-do=run]').hidden")
    assert browser.find("#log-actions [data-do=start]").is_displayed()


def test_a_failed_process_has_one_sentence_and_leads_to_the_whole_story(site, browser):
    """The sentence below a failed process is a link to the whole explanation, with what decides and what to type."""
    master = site(MISSING + program("fine"))
    master.wait_for("gave up: missing")
    browser.show(master.url)
    browser.until(section("missing"))
    assert browser.text("[data-spec=missing] .why") == "1 failed start; can't find command '/nonexistent/program'"
    assert not browser.find("[data-spec=fine] .why").is_displayed()
    browser.click("[data-spec=missing] .why")
    browser.until("document.querySelector('#view-why h3')?.textContent.startsWith('missing has been FATAL for ')")
    whole = browser.text("#view-why")
    assert "/nonexistent does not exist: check the path in command=" in whole
    assert "startretries = 0" in whole
    assert "procmanctl start missing" in whole
    assert browser.text("#log-title") == "missing"
    browser.click("#view-why a[href^='#crashes/missing/']")
    browser.until("document.querySelector('#view-crashes dl')")


def test_why_is_asked_again_when_the_state_changes_and_only_then(site, browser):
    """An open explanation follows the state of its process; nothing is polled, and other processes do not matter."""
    master = site(program("web") + program("other"))
    browser.show(master.url + "#why/web")
    browser.until(f"{text_of('#view-why h3')}.startsWith('web has been RUNNING')")
    browser.driver.execute_script(LISTEN)
    browser.press("other", "stop")
    browser.state("other", "stopped")
    asked = "asked.filter((url) => String(url).includes('/why'))"
    assert browser.ask(asked) == []
    browser.press("web", "stop")
    browser.until(f"{text_of('#view-why h3')}.startsWith('web has been STOPPED')")
    assert "stop web" in browser.text("#view-why")
    browser.driver.execute_script("asked.length = 0")
    browser.click("#view-why button")
    browser.until(f"{asked}.length >= 1")  # an answer from before may have been on its way
    browser.until("document.activeElement.textContent === 'Ask again'")


def test_why_of_procman_itself(site, browser):
    """The views of procman itself are its log, why it is as it is, all crash reports and all events."""
    master = site(program("web"))
    browser.show(master.url + "#why")
    browser.until(f"{text_of('#view-why h3')}.startsWith('procman has been RUNNING')")
    shown = (
        "[...document.querySelectorAll('#views a')].filter((link) => link.checkVisibility()).map((a) => a.innerText)"
    )
    assert browser.ask(shown) == ["Log", "Why", "Crashes", "Graph", "Events", "Update"]


def test_a_text_that_is_selected_is_not_drawn_away(site, browser):
    """While the reader has selected a text of a view, a change waits."""
    master = site(program("web"))
    browser.show(master.url + "#why/web")
    browser.until(f"{text_of('#view-why h3')}.startsWith('web has been RUNNING')")
    browser.driver.execute_script("getSelection().selectAllChildren(document.querySelector('#view-why h3'))")
    browser.press("web", "stop")
    browser.driver.execute_script("getSelection().selectAllChildren(document.querySelector('#view-why h3'))")
    browser.state("web", "stopped")
    assert browser.text("#view-why h3").startswith("web has been RUNNING")
    browser.driver.execute_script("getSelection().removeAllRanges()")
    browser.until(f"{text_of('#view-why h3')}.startsWith('web has been STOPPED')")


def test_the_history_has_the_runs_with_their_reasons(site, browser):
    """Equal runs are folded into one entry with their number; the present run is at the top, and grows."""
    master = site(program("web"))
    browser.show(master.url + "#history/web")
    cells = "[...document.querySelectorAll('#view-history tbody tr')].map((r) => [...r.cells].map((c) => c.innerText))"
    browser.until(f"{cells}.length === 1")
    for count in (1, 2, 3):
        master.say("web", "exit 3\n")
        restarted = f"{row('web')}.querySelector('.restarts').textContent.startsWith('{count} ')"
        browser.until(f"{restarted} && {row('web')}.dataset.state === 'RUNNING'")
    browser.until(f"{cells}.length === 3 && {cells}[1][0].includes('2 times')")
    present, equal, first = browser.ask(cells)
    assert present[0].strip() == "4"
    assert present[3:] == ["running", "restarted after exit status 3"]
    assert equal[0].startswith("2\N{EN DASH}3")
    assert equal[3:] == ["exit status 3", "restarted after exit status 3"]
    assert first[3:] == ["exit status 3", "started by boot"]
    browser.press("web", "stop")
    browser.until(f"{cells}[0][3].includes('stopped by')")
    assert "stop web" in browser.ask(cells)[0][3]


def test_the_band_shows_the_states_over_time(site, browser):
    """The band has a part for each state, says in words what it shows, and its keys are named."""
    master = site(program("web") + MISSING)
    master.wait_for("gave up: missing")
    browser.show(master.url + "#history/web")
    browser.until("document.querySelector('.band rect[data-state=RUNNING]')")
    assert "running" in browser.find(".band").get_attribute("aria-label")
    assert "running" in browser.text(".legend")
    browser.click(".choice [data-key='hours 24']")
    browser.until("document.querySelector('.title [aria-pressed=true]').textContent === '24 h'")
    assert browser.ask("document.activeElement.textContent") == "24 h"
    browser.show(master.url + "#history/missing")
    browser.until("document.querySelector('.band rect[data-state=FATAL]')")
    assert browser.text(".title [aria-pressed=true]") == "24 h"


def test_a_crash_report_opens_with_its_facts_and_last_words(site, browser):
    """The list has a row for each report; one opens with its facts and last words, which are text."""
    master = site(program("bad", autorestart="false") + program("fine"))
    master.say("bad", "err: <img src=x onerror=alert(1)> \x1b[31mred \x07\nexit 9\n")
    browser.show(master.url)
    browser.until(f"{section('bad')} === 'Needs attention'")
    browser.click("[data-spec=bad] .name")
    open_view(browser, "crashes")
    browser.until("document.querySelector('#view-crashes td a')")
    assert browser.text("#view-crashes h3") == "1 crash report"
    browser.click("#view-crashes td a")
    browser.until("document.querySelector('#view-crashes pre')")
    assert browser.text("#view-crashes h3") == "exit status 9"
    assert "err: <img src=x onerror=alert(1)>" in browser.text("#view-crashes pre")
    assert browser.ask("document.querySelectorAll('#view-crashes img').length") == 0
    terms = "[...document.querySelectorAll('#view-crashes dt')].map((term) => term.textContent)"
    assert {"When", "Used", "Ran as", "Definition"} <= set(browser.ask(terms))
    # Its address is that of this report.
    browser.show(browser.driver.current_url)
    browser.until("document.querySelector('#view-crashes pre')")
    browser.click("#view-crashes .back a")
    browser.until("document.querySelector('#view-crashes table')")
    browser.show(master.url + "#crashes/fine")
    browser.until(f"{text_of('#view-crashes')}.includes('has not ended unexpectedly')")


def test_all_crash_reports_are_listed_together(site, browser):
    """From the menu, the reports of all processes are listed, with their names, and grow."""
    master = site(program("bad", autorestart="false") + program("worse", autorestart="false"))
    master.say("bad", "exit 9\n")
    browser.show(master.url)
    browser.until(f"{section('bad')} === 'Needs attention'")
    browser.click("#more")
    browser.click("#menu a[href='#crashes']")
    browser.until("document.querySelectorAll('#view-crashes tbody tr').length === 1")
    master.say("worse", "exit 8\n")
    browser.until("document.querySelectorAll('#view-crashes tbody tr').length === 2")
    names = "[...document.querySelectorAll('#view-crashes [data-head=Process]')].map((cell) => cell.textContent)"
    assert browser.ask(names) == ["worse", "bad"]
    browser.click("#view-crashes tbody tr:first-child a")
    browser.until("document.querySelector('#log-title').textContent === 'worse'")


def test_a_process_that_does_not_exist_says_so(site, browser):
    """An address with an unknown name opens the view with the reason; one that names nothing opens none."""
    master = site(program("web"))
    browser.may_say("404 (Not Found)")
    for view in ("why", "history"):
        browser.show(f"{master.url}#{view}/nobody")
        browser.until(f"{text_of(f'#view-{view}')} === 'There is no such process.'")
        assert browser.text("#log-state") == "not configured"
    for nothing in ("#history", "#nonsense/web", "#constructor/web", "#why/%zz"):
        browser.show(master.url + nothing)
        browser.state("web", "running")
        assert browser.ask("document.querySelector('#log').hidden")


def test_the_views_are_reached_with_the_keyboard_and_have_headings(site, browser):
    """Each view is a link that Enter follows; headings descend without a gap; Escape goes back to where one was."""
    master = site(MISSING)
    master.wait_for("gave up: missing")
    browser.show(master.url)
    browser.until(section("missing"))
    browser.driver.execute_script("document.querySelector('[data-spec=missing] .name').focus()")
    browser.key("\n")
    browser.until("document.activeElement.id === 'log-title'")
    for view in ("why", "history", "crashes", "usage"):
        browser.driver.execute_script(f"document.querySelector('#views [data-view={view}]').focus()")
        browser.key("\n")
        browser.until(f"document.querySelector('#view-{view} h3')")
        assert browser.ask("document.activeElement.dataset.view") == view
        headings = browser.ask(HEADINGS)
        levels = [level for level, _ in headings]
        assert all(after - before <= 1 for before, after in pairwise(levels)), headings
        assert [2, "missing"] in headings
        nameless = "[...document.querySelectorAll('#log :is(a, button, [role])')].filter((e) => e.checkVisibility()"
        nameless += " && !(e.innerText || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.title"
        nameless += " || e.role === 'list'))"
        assert browser.ask(f"{nameless}.map((e) => e.outerHTML)") == []
    browser.escape()
    browser.until("document.activeElement.textContent === 'missing'")


def test_the_details_name_hooks_schedules_limits_and_files(site, browser, tmp_path):
    """The hook that runs and how the others ended, the next runs and the last ones; never a value of a file."""
    (tmp_path / "web.env").write_text("TOKEN=in-no-page\n")
    web = program(
        "web",
        pre_start="-sh -c 'echo no database; exit 3'",
        post_start="sleep 4716",
        env_file=tmp_path / "web.env",
        rlimit_core=0,
        watch="@env",
    )
    nightly = program("nightly", "/bin/false", schedule="0 2 * * *", schedule_tz="UTC", run_on_start="true")
    master = site(web + nightly.replace("startsecs=0\n", "") + program("plain"))
    master.wait_for("post_start of 'web': sleep begins")
    browser.show(master.url + "#details/web")
    browser.until(f"{text_of('#view-details')}.includes('sleep runs for')")
    shown = browser.text("#view-details")
    assert "failed, which is ignored: sh exited 3 no database" in shown
    assert "rlimit_core = 0" in shown
    assert re.search(r"Watched files\s+Files\s+@env\s+Action\s+restart\s+State\s+(not )?watching", shown)
    assert f"env_file = {tmp_path}/web.env" in shown
    assert "TOKEN" in shown
    assert "in-no-page" not in browser.driver.page_source
    browser.show(master.url + "#details/nightly")
    browser.until(f"{text_of('#view-details')}.includes('exit status 1')")
    shown = browser.text("#view-details")
    assert shown.count("02:00:00 +00:00 UTC") == 3
    assert "exit status 1; next run " in browser.text("[data-spec=nightly] .why")
    assert "boot" in shown
    browser.show(master.url + "#details/plain")
    browser.until(f"{text_of('#view-details')}.includes('plain-stdout')")
    headings = "[...document.querySelectorAll('#view-details h3')].map((heading) => heading.textContent)"
    assert browser.ask(headings) == ["Log files"]


def test_the_views_come_back_after_a_lost_connection(site, browser):
    """What is shown stays while there is no connection, and is asked for again when it is back."""
    master = site(program("web"))
    browser.show(master.url + "#history/web")
    browser.until("document.querySelector('#view-history tbody tr')")
    browser.driver.execute_script("page.panel.interrupt()")
    assert browser.ask("document.querySelectorAll('#view-history tbody tr').length") == 1
    browser.driver.execute_script(LISTEN + "page.panel.reconnect()")
    browser.until("asked.some((url) => String(url).includes('/runs'))")


def test_a_read_only_account_sees_every_view(site, browser):
    """All views work with a read-only account, which is offered no action in them."""
    users = "username=u\npassword=p\nreadonly_username=reader\nreadonly_password=r"
    master = site(MISSING + program("web"), server=users)
    master.wait_for("gave up: missing")
    browser.may_say("401 (Unauthorized)")
    browser.show(f"http://reader:r@localhost:{master.port}/#why/missing")
    shown = {
        "why": "#view-why h3",
        "history": "#view-history tbody tr",
        "crashes": "#view-crashes tbody tr",
        "usage": "#view-usage figure",
        "details": "#view-details p",
        "events": "#records .record",
    }
    for view, what in shown.items():
        open_view(browser, view)
        browser.until(f"document.querySelector('{what}')")
        assert not browser.find("#log-actions").is_displayed()
        assert browser.ask("document.querySelectorAll('.failure').length") == 0
    browser.until(f"{row('web')}.querySelector('.rss .value').textContent.endsWith('B')")

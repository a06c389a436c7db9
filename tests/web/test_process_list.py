"""The list of processes in a real browser: states, changes, failures."""

import json
import signal

import pytest

from tests.support.browser import MISSING, program, row, section

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_states_appear_and_change_without_a_reload(site, browser):
    """A program dies and is restarted: the page shows it without a reload."""
    master = site(program("echo") + program("idle", autostart="false"))
    browser.show(master.url)
    browser.state("echo", "running")
    browser.state("idle", "stopped")
    assert "not started" in browser.text("[data-spec=idle]")
    before = browser.pid("echo")
    assert before == master.info("echo")["pid"]
    browser.driver.execute_script("window.same = true")
    master.say("echo", "exit 3\n")
    browser.until(f"{row('echo')}.querySelector('.restarts').textContent === '1 restart'")
    browser.state("echo", "running")
    assert browser.pid("echo") == master.info("echo")["pid"] != before
    assert browser.ask("window.same") is True


def test_an_update_adds_and_removes_rows(site, browser):
    """`update` adds and removes rows, for whole groups and single processes, with and without autostart."""
    master = site(program("old") + program("pool", numprocs=2, process_name="pool_%(process_num)d"))
    browser.show(master.url)
    browser.state("old", "running")
    master.write(
        f"[inet_http_server]\nport=localhost:{master.port}\n"
        + program("new", autostart="false")
        + program("pool", numprocs=3, process_name="pool_%(process_num)d", autostart="false")
    )
    master.call("POST", "/v1/config/update", {})
    browser.state("new", "stopped")
    browser.state("pool:pool_2", "stopped")
    browser.until(f"!{row('old')}")


def test_failed_processes_are_on_top_with_the_reason(site, browser):
    """Failed processes come first, with the reason; the title of the tab counts them."""
    master = site(program("api") + MISSING + program("broken", startsecs=1000, startretries=0))
    master.wait_for("gave up: missing")
    browser.show(master.url)
    browser.state("missing", "fatal")
    assert browser.ask(section("missing")) == "Needs attention"
    assert "can't find command '/nonexistent/program'" in browser.text("[data-spec=missing]")
    assert browser.ask("document.querySelector('.row').dataset.spec") == "missing"
    browser.until("document.title.startsWith('(1 failed) ')")
    master.say("broken", "exit 1\n")
    browser.until(f"{section('broken')} === 'Needs attention'")
    assert browser.ask("[...document.querySelectorAll('#trouble .row')].map((row) => row.dataset.spec)") == [
        "broken",
        "missing",
    ]
    browser.until("document.querySelector('#kinds [data-kind=failed]').innerText === '2 failed'")


def test_an_expected_exit_is_no_failure(site, browser):
    """An expected exit needs no attention, an unexpected one does."""
    master = site(program("done", autorestart="false") + program("bad", autorestart="false"))
    browser.show(master.url)
    master.say("done", "exit 0\n")
    master.say("bad", "exit 9\n")
    browser.state("done", "exited")
    browser.until(f"{section('bad')} === 'Needs attention'")
    assert "exit status 9" in browser.text("[data-spec=bad]")
    assert browser.ask(section("done")) == "Processes"


def test_a_process_that_is_retried_stays_on_top(site, browser):
    """A process in STARTING after BACKOFF has not recovered, and does not jump between the sections."""
    master = site(program("flap", startsecs=1000, startretries=1000))
    browser.show(master.url)
    browser.state("flap", "starting")
    # It is shown for as long as it waits, which may be over when this comes to look.
    browser.driver.execute_script(
        "window.tries = 0;"
        "let before = '';"
        f"const state = () => {row('flap')}.querySelector('.state').textContent;"
        "new MutationObserver(() => { if (state() !== before) tries += (before = state()) === 'backoff'; })"
        ".observe(document, { subtree: true, childList: true, characterData: true })"
    )
    for tries in (1, 2):
        master.say("flap", "exit 1\n")
        browser.until(f"window.tries === {tries}")
        browser.until(f"{section('flap')} === 'Needs attention'")
        browser.state("flap", "starting")
        assert browser.ask(section("flap")) == "Needs attention"
        assert "exit status 1" in browser.text("[data-spec=flap] .why")


def test_a_failed_process_shows_its_last_line(site, browser):
    """A failed process shows in one sentence how it ended and the last line of its output; markup in it is text."""
    master = site(program("broken", startsecs=1000, startretries=0))
    browser.show(master.url)
    master.say("broken", "err: <b>no</b> database\nexit 1\n")
    browser.state("broken", "fatal")
    sentence = browser.text("[data-spec=broken] .why")
    assert sentence.startswith("1 failed start")
    assert sentence.endswith("exit status 1, last words: err: <b>no</b> database")
    browser.show(master.url + "#log/broken")
    browser.until("document.querySelector('#lines').textContent.includes('database')")
    assert "exit status 1 · stderr: err: <b>no</b> database" in browser.text("#log-facts")


def test_a_flapping_process_needs_attention(site, browser):
    """A process that keeps restarting needs attention until it has stayed up long enough, or is stopped."""
    master = site(program("flap"))
    browser.show(master.url)
    browser.state("flap", "running")
    assert browser.ask(section("flap")) == "Processes"
    for restarts in (1, 2, 3):
        pid = master.info("flap")["pid"]
        master.say("flap", "exit 7\n")
        browser.until(f"{row('flap')}.querySelector('.restarts').textContent.startsWith('{restarts} restart')")
        assert master.info("flap")["pid"] != pid
    browser.until(f"{section('flap')} === 'Needs attention'")
    browser.state("flap", "running")
    sentence = browser.text("[data-spec=flap] .why")
    assert sentence.startswith("it does not stay up: ")
    assert sentence.endswith("; exit status 7")
    colour = f"getComputedStyle({row('flap')}.querySelector('.dot')).backgroundColor"
    good = "(() => { const e = document.createElement('i'); e.style.color = 'var(--good)'; document.body.append(e);"
    assert browser.ask(colour) != browser.ask(f"{good} return getComputedStyle(e).color; }})()")
    # Five minutes later, for all that the page knows.
    browser.driver.execute_script(
        "const now = performance.now.bind(performance); performance.now = () => now() + 301_000; page.processes.tick();"
    )
    browser.until(f"{section('flap')} === 'Processes'")
    assert browser.find("[data-spec=flap] .why").text == ""
    browser.show(master.url)
    browser.until(f"{section('flap')} === 'Needs attention'")
    browser.press("flap", "stop")
    browser.until(f"{section('flap')} === 'Processes'")


def test_uptimes_count_while_the_master_answers_nothing(site, browser):
    """Uptimes count in the page: they need nothing from the master."""
    master = site(program("api"))
    browser.show(master.url)
    browser.state("api", "running")
    shown = f"{row('api')}.querySelector('.when').textContent"
    master.signal(signal.SIGSTOP)
    try:
        first = browser.ask(shown)
        assert browser.until(f"{shown} !== {json.dumps(first)} && {shown}")
    finally:
        master.signal(signal.SIGCONT)


def test_a_row_does_not_move_under_the_pointer(site, browser):
    """While the pointer moves over the list, rows stay in their places and only their texts change."""
    master = site(program("api") + program("bad", autorestart="false"))
    browser.show(master.url)
    browser.state("bad", "running")
    browser.driver.execute_script("page.processes.resting = performance.now() + 1e9")
    master.say("bad", "exit 1\n")
    browser.state("bad", "exited")
    assert browser.ask(section("bad")) == "Processes"
    assert browser.text("#kinds [data-kind=failed]") == "1 failed"
    browser.driver.execute_script("page.processes.resting = 0; page.processes.place(false)")
    assert browser.ask(section("bad")) == "Needs attention"

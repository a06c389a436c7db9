"""Buttons and menus in a real browser, and what they do to a real master."""

import pytest

from tests.support.browser import IS_ENDING, MISSING, NOBODY_ANSWERS, program, row

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_each_button_of_a_process_does_what_it_says(site, browser):
    """Stop, start and restart work, and an action that does not apply is disabled."""
    master = site(program("web"))
    browser.show(master.url)
    browser.state("web", "running")
    first = browser.pid("web")
    browser.press("web", "restart")
    browser.pid("web", not_=first)
    browser.state("web", "running")
    browser.press("web", "stop")
    browser.state("web", "stopped")
    assert master.info("web")["statename"] == "STOPPED"
    assert browser.find("[data-spec=web] [data-do=stop]").get_attribute("aria-disabled") == "true"
    browser.press("web", "start")
    browser.state("web", "running")
    assert master.info("web")["statename"] == "RUNNING"


def test_the_buttons_of_a_group_act_on_all_of_it(site, browser):
    """The buttons at the head of a group act on GROUP:* and on no other process."""
    master = site(program("pool", numprocs=2, process_name="pool_%(process_num)d") + program("other"))
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    browser.press("pool:*", "stop")
    browser.answer("yes")
    for name in ("pool:pool_0", "pool:pool_1"):
        browser.state(name, "stopped")
    browser.until("document.querySelector('.group .sum').textContent === '0 of 2 running'")
    browser.press("pool:*", "start")
    for name in ("pool:pool_0", "pool:pool_1"):
        browser.state(name, "running")
    assert master.info("other")["statename"] == "RUNNING"


def test_stopping_or_restarting_a_group_asks_first(site, browser):
    """The question says how many processes are up; "no" changes nothing."""
    master = site(program("pool", numprocs=3, process_name="pool_%(process_num)d") + program("other"))
    browser.show(master.url)
    browser.state("pool:pool_2", "running")
    first = browser.pid("pool:pool_0")
    browser.press("pool:*", "stop")
    browser.until("document.querySelector('#ask').open")
    assert browser.text("#ask-title") == "Stop all of pool?"
    assert browser.text("#ask-text").startswith("3 processes are up now.")
    browser.answer("no")
    browser.press("pool:pool_1", "stop")
    browser.state("pool:pool_1", "stopped")
    assert master.info("pool:pool_0")["pid"] == first
    browser.press("pool:*", "restart")
    browser.until("document.querySelector('#ask').open")
    assert browser.text("#ask-text") == "2 of 3 processes are up now. They stop, and all are started."
    browser.answer("yes")
    browser.pid("pool:pool_0", not_=first)
    browser.state("pool:pool_1", "running")


def test_a_stop_can_be_undone(site, browser):
    """Stopping one process does not ask; for some seconds it can be undone."""
    master = site(program("web") + program("other"))
    browser.show(master.url)
    browser.state("web", "running")
    first = browser.pid("web")
    browser.press("web", "stop")
    browser.state("web", "stopped")
    # The news may come before the answer to the request.
    browser.until("document.querySelector('#notes').textContent.includes('web was asked to stop.')")
    browser.click(".undo")
    browser.state("web", "running")
    assert browser.pid("web", not_=first) == master.info("web")["pid"]
    browser.until("!document.querySelector('.undo')")


def test_the_offer_to_undo_ends_with_the_next_start(site, browser):
    """Starting a process withdraws the offer to undo its stop, and no other offer."""
    master = site(program("web") + program("other"))
    browser.show(master.url)
    for name in ("web", "other"):
        browser.press(name, "stop")
        browser.state(name, "stopped")
    browser.until("document.querySelectorAll('.undo').length === 2")
    master.call("POST", "/v1/processes/web/start", {})
    browser.until("document.querySelectorAll('.undo').length === 1")
    assert browser.ask("document.querySelector('.undo').parentElement.dataset.undoes") == "other"


def test_folded_groups_and_log_settings_survive_a_reload(site, browser):
    """Folded groups and the settings of the log panel survive a reload."""
    master = site(
        program("pool", numprocs=2, process_name="pool_%(process_num)d")
        + program("other", numprocs=2, process_name="%(process_num)d")
    )
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    browser.click("[data-spec='pool:*'] .fold")
    browser.show(master.url + "#log/pool:pool_0")
    browser.click("#wrap")
    browser.click("#tall")
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    assert browser.ask(f"{row('pool:pool_1')}.checkVisibility()") is False
    assert browser.ask(f"{row('other:1')}.checkVisibility()") is True
    for button, pressed in (("wrap", "false"), ("tall", "true")):
        assert browser.ask(f"document.querySelector('#{button}').getAttribute('aria-pressed')") == pressed
    assert browser.ask("document.querySelector('#lines').hasAttribute('data-wrap')") is False
    browser.click("[data-spec='pool:*'] .fold")
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    assert browser.ask(f"{row('pool:pool_1')}.checkVisibility()") is True


def test_stop_all_and_restart_all_ask_first(site, browser):
    """Stop all and restart all ask first; start all does not."""
    master = site(program("one") + program("two"))
    browser.show(master.url)
    browser.state("two", "running")
    pids = browser.pid("one"), browser.pid("two")
    browser.click(".bar [data-do=stop]")
    browser.until("document.querySelector('#ask').open")
    assert browser.ask("document.activeElement.textContent") == "Cancel"
    browser.answer("no")
    assert master.info("one")["pid"] == pids[0]
    browser.click(".bar [data-do=restart]")
    browser.answer("yes")
    for name, pid in zip(("one", "two"), pids, strict=True):
        browser.pid(name, not_=pid)
    browser.click(".bar [data-do=stop]")
    browser.answer("yes")
    for name in ("one", "two"):
        browser.state(name, "stopped")
    browser.click(".bar [data-do=start]")
    for name in ("one", "two"):
        browser.state(name, "running")


def test_logs_are_cleared_one_by_one_or_all_together(site, browser):
    """Clear asks first, then empties the files of one process, or of all."""
    master = site(program("one") + program("two"))
    for name in ("one", "two"):
        master.say(name, "before\n")
        next(master.follow(name))
        master.has_written(name)
    paths = {name: master.info(name)["stdout_logfile"] for name in ("one", "two")}
    browser.show(master.url + "#log/one")
    browser.until("document.querySelector('#lines').textContent === 'before'")
    browser.click("#clear")
    browser.answer("no")
    assert read(paths["one"]) == "before\n"
    browser.click("#clear")
    browser.until("document.querySelector('#ask').open")
    assert browser.text("#ask-title") == "Clear the logs of one?"
    browser.answer("yes")
    browser.until("document.querySelector('#lines').textContent === ''")
    assert read(paths["one"]) == ""
    assert read(paths["two"]) == "before\n"
    browser.click("#close")
    browser.from_menu("clear")
    browser.answer("yes")
    browser.until("document.querySelector('#notes').textContent.includes('All logs were cleared')")
    assert read(paths["two"]) == ""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_a_failed_action_shows_its_reason(site, browser):
    """The reason why an action failed appears as a message."""
    master = site(MISSING)
    master.wait_for("gave up: missing")
    browser.show(master.url)
    browser.press("missing", "start")
    browser.until("document.querySelector('.note-card.bad')")
    assert browser.text(".note-card.bad") == "Cannot start missing: can't find command '/nonexistent/program'"


def test_shutting_procman_down_asks_first(site, browser):
    """Shut down asks first; afterwards the page says when procman ended."""
    master = site(program("web"))
    browser.may_say(NOBODY_ANSWERS, IS_ENDING)
    browser.show(master.url)
    browser.state("web", "running")
    browser.from_menu("shutdown")
    browser.answer("yes")
    assert master.to_the_end() == 0
    browser.until("document.querySelector('#banner .text').textContent.startsWith('procman was shut down at ')")

"""Lost connections and several windows in a real browser."""

import signal

import pytest

from tests.support.browser import IS_ENDING, NOBODY_ANSWERS, Cutter, program, row
from tests.support.master_process import Master

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_lost_master_is_shown_and_its_return_noticed(site, browser, tmp_path):
    """Without a master the page says since when and offers no action; it reconnects by itself, logs included."""
    master = site(program("echo"))
    browser.may_say(NOBODY_ANSWERS, IS_ENDING)
    browser.show(master.url + "#log/echo")
    before = browser.pid("echo")
    master.process.kill()
    master.to_the_end()
    browser.until("document.body.dataset.link === 'lost'")
    assert browser.text("#banner").startswith("No connection to procman since ")
    assert not browser.find("[data-spec=echo] [data-do=stop]").is_displayed()
    browser.until("document.title.startsWith('(no connection) ')")
    with Master(master.file):  # the same once more: the same port and socket
        browser.until("document.body.dataset.link === 'live'")
        browser.until("document.querySelector('#banner').hidden")
        browser.state("echo", "running")
        assert browser.pid("echo") == master.info("echo")["pid"] != before
        master.say("echo", "back\n")
        browser.until("document.querySelector('#lines').textContent === 'back'")


def test_the_counts_agree_with_the_rows_when_procman_has_shut_down(site, browser):
    """The last changes before the connection ends are counted, too, though they come all at once."""
    master = site(program("web", "sleep 1000") + program("db", "sleep 1000"))
    browser.may_say(NOBODY_ANSWERS, IS_ENDING)
    browser.size(390, 844)
    browser.show(master.url)
    browser.state("web", "running")
    master.process.send_signal(signal.SIGTERM)
    master.to_the_end()
    browser.until("document.body.dataset.link === 'lost'")
    browser.state("web", "stopped")
    shown = "[...document.querySelectorAll('#kinds button:not([hidden])')].map((one) => one.textContent.trim())"
    assert browser.ask(shown) == ["2 stopped"]
    # Beside "not connected" a phone has room for the name.
    assert browser.ask("document.querySelector('#identity')").text == "procman"
    assert not browser.ask(
        "document.querySelector('#identity').scrollWidth > document.querySelector('#identity').clientWidth"
    )


def test_a_log_cut_by_a_proxy_resumes(site, browser):
    """A stream that is cut resumes by itself; a reader who has scrolled back keeps the place."""
    master = site(program("echo"))
    browser.may_say(NOBODY_ANSWERS)
    with Cutter(master.port) as proxy:
        browser.show(f"http://localhost:{proxy.port}/#log/echo")
        master.say("echo", "one\n" * 100)
        browser.until("document.querySelectorAll('#lines div').length === 100")
        proxy.cut()
        master.say("echo", "two\n")
        browser.until("document.querySelector('#lines').lastChild.textContent === 'two'")
        assert len(browser.lines()) == 101
        browser.ask("document.querySelector('#lines').scrollTo(0, 0)")
        browser.until("!document.querySelector('#newest').hidden")
        proxy.cut()
        browser.until("document.querySelector('#log-note').textContent === 'The connection was lost.'")
        master.say("echo", "three\n")
        assert browser.lines()[-1] == "two"
        browser.click("#newest")
        browser.until("document.querySelector('#lines').lastChild.textContent === 'three'")
        browser.until("document.querySelector('#log-note').textContent === ''")


def test_the_page_survives_a_reload_of_the_master(site, browser):
    """SIGHUP ends all connections; the page reconnects and shows the new configuration."""
    master = site(program("old"))
    browser.may_say(NOBODY_ANSWERS, IS_ENDING)
    browser.show(master.url)
    browser.state("old", "running")
    master.write(f"[inet_http_server]\nport=localhost:{master.port}\n" + program("new"))
    master.signal(signal.SIGHUP)
    browser.state("new", "running")
    browser.until(f"!{row('old')} && document.body.dataset.link === 'live'")


def test_only_visible_windows_hold_connections(site, browser):
    """A browser has six connections to a server, so hidden windows give theirs up and catch up when shown."""
    master = site(program("api"))
    browser.show(master.url + "#log/api")
    browser.until("page.log.controller")
    browser.minimize()
    assert browser.ask("[Boolean(page.events.controller), Boolean(page.log.controller)]") == [
        True,
        True,
    ]  # it is the only one
    with browser.another_window(master.url) as switch:
        switch("first")
        browser.until("!page.events.controller && !page.log.controller")
        switch("other")
        browser.press("api", "stop")
        browser.state("api", "stopped")
    browser.restore()
    browser.state("api", "stopped")
    assert browser.ask("Boolean(page.events.controller)")

"""The plan of an update on the page, with its confirmation, in a real browser."""

import pytest

from tests.support.browser import program

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHEET = "document.querySelector('#view-update')"


def test_a_plan_is_shown_and_applied_and_rolled_back_or_kept(site, browser):
    """It asks first; what waits for its confirmation is kept, or comes back."""
    master = site(program("web", "sleep 1000", startsecs=0, environment="API_TOKEN=one"))
    browser.show(master.url)
    browser.state("web", "running")
    master.write(program("web", "sleep 2000", startsecs=0, environment="API_TOKEN=two") + program("new"))
    browser.click("#more")
    browser.click("#menu a[href='#update']")
    browser.until(f"{SHEET}.querySelectorAll('h3').length === 2")
    shown = browser.text("#view-update")
    assert "sleep 2000" in shown
    assert "another value" in shown
    assert "two" not in shown
    assert "added and started" in shown
    browser.click("#view-update [data-key=trial]")
    browser.answer("no")
    browser.click("#view-update [data-key=trial]")
    browser.answer("yes")
    browser.until(f"{SHEET}.textContent.includes('unless it is confirmed')")
    browser.state("new", "running")
    browser.click("#view-update [data-key=back]")
    browser.answer("yes")
    browser.until(f"{SHEET}.querySelector('[data-key=apply]')")
    assert [one["name"] for one in master.call("GET", "/v1/processes")["processes"]] == ["web"]
    browser.click("#view-update [data-key=trial]")
    browser.answer("yes")
    browser.until(f"{SHEET}.querySelector('[data-key=keep]')")
    browser.click("#view-update [data-key=keep]")
    browser.until(f"{SHEET}.textContent.includes('The file has what is active')")
    assert master.call("GET", "/v1/config/confirmation") == {"pending": None}


def test_a_plan_that_is_out_of_date_is_not_applied(site, browser):
    """The message says what has changed, and the view shows the file as it is now."""
    master = site(program("web", "sleep 1000", startsecs=0))
    browser.show(master.url + "#update")
    browser.until(f"{SHEET}.textContent.includes('The file has what is active')")
    master.write(program("web", "sleep 2000", startsecs=0))
    browser.click("#view-update [data-key=again]")
    browser.until(f"{SHEET}.textContent.includes('sleep 2000')")
    master.write(program("web", "sleep 3000", startsecs=0))
    browser.may_say("409")
    browser.click("#view-update [data-key=apply]")
    browser.answer("yes")
    browser.until("document.querySelector('#notes').textContent.includes('the file has another definition of web')")
    browser.until(f"{SHEET}.textContent.includes('sleep 3000')")

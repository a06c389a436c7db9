"""axe-core, which looks for what keeps people with a screen reader or without a mouse from using a page."""

from importlib.resources import files

import pytest

from tests.support.browser import ALL_STATES, program, section

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = """
const [part, done] = arguments;
axe.run(part, { resultTypes: ['violations'] }).then(
  ({ violations, passes }) => {
    const found = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))]);
    done(passes.length ? found : 'it has looked at nothing');
  },
  (error) => done(String(error)),
);
"""
# Each view, and what shows that it is there.
VIEWS = {
    "#log/api": "#lines > div",
    "#why/missing": "#view-why h3",
    "#history/api": "#view-history tr",
    "#crashes/missing": "#view-crashes tr",
    "#usage/api": "#view-usage figure",
    "#details/web": "#view-details h3",
    "#options/web": "#view-options tr",
    "#graph": "#view-graph svg",
    "#events": ".record",
    "#update": "#view-update p",
}


def test_axe_finds_nothing(site, browser):
    """In the list, in each view, in the sheet of keys, with marked rows, and on a phone.

    That texts have enough contrast in the dark, too, is tested elsewhere.
    """
    master = site(ALL_STATES + program("web", "sleep 1000", depends_on="api", rlimit_core=0))
    master.wait_for("gave up: missing")
    master.say("api", "\x1b[31mred\x1b[33myellow\x1b[35mmagenta\n")
    browser.show(master.url)
    browser.until(section("missing"))
    browser.until("document.querySelector(\"[data-spec='pool:*'] .number\")")
    browser.driver.execute_script(files("axe_core_python").joinpath("axe.min.js").read_text())

    def look(where, part):
        assert browser.driver.execute_async_script(RUN, part) == [], where

    look("list", "html")
    for view, there in VIEWS.items():
        browser.driver.execute_script("location.hash = arguments[0]", view)
        browser.until(f"document.querySelector({there!r})")
        look(view, "#log")
    browser.escape()
    browser.click("[data-spec=api] .pick")
    browser.size(390, 800)
    look("marked, on a phone", "html")
    browser.driver.execute_script("document.querySelector('#keys').showModal()")
    look("keys", "#keys")

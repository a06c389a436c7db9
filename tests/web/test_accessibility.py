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


SIZES = {"desktop": (1200, 900), "phone": (390, 800)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(site, browser, scheme, size):
    """In the list, in each view, in menu, question and sheet of keys, and with marked rows."""
    programs = ALL_STATES + program("web", "sleep 1000", depends_on="api", rlimit_core=0)
    master = site(programs)
    master.wait_for("gave up: missing")
    master.say("api", "\x1b[31mred\x1b[33myellow\x1b[35mmagenta\n")
    head = f"[inet_http_server]\nport=localhost:{master.port}\n"
    master.write(head + programs.replace("rlimit_core=0", "rlimit_core=1") + program("new"))
    browser.prefers(scheme)
    browser.size(*SIZES[size])
    browser.show(master.url)
    browser.until(section("missing"))
    browser.until("document.querySelector(\"[data-spec='pool:*'] .number\")")
    browser.until("!document.querySelector('[data-spec=web] .outdated').hidden")
    browser.driver.execute_script(files("axe_core_python").joinpath("axe.min.js").read_text())

    def look(where, part):
        assert browser.driver.execute_async_script(RUN, part) == [], where

    look("list", "html")
    browser.click("#more")
    look("menu", "#menu")
    browser.escape()
    for view, there in VIEWS.items():
        browser.driver.execute_script("location.hash = arguments[0]", view)
        browser.until(f"document.querySelector({there!r})")
        look(view, "#log")
    browser.escape()
    browser.driver.execute_script("page.marked.toggle(page.processes.known.get('api').row)")
    look("marked", "html")
    browser.click("#marked [data-do=restart]")
    browser.until("document.querySelector('#ask').open")
    look("question", "#ask")
    browser.answer("no")
    browser.driver.execute_script("document.querySelector('#keys').showModal()")
    look("keys", "#keys")

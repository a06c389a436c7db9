"""The graph of what waits for what, in a real browser: drawn from /v1/graph, live, and reachable by keys."""

import re

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.browser import program

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STACK = (
    program("db", ready="file:{folder}/db", ready_interval="50ms", start_timeout="none")
    + program("queue")
    + program("web", depends_on="db,queue")
    + program("worker", depends_on="queue,mail?")
    + program("mail", autostart="false")
    + program("alone")
)
NODE = "document.querySelector('#view-graph a.node[data-key=\"{}\"]')"
# Names by column, from left to right.
COLUMNS = """(() => {
  const columns = {};
  for (const node of document.querySelectorAll('#view-graph a.node')) {
    const x = node.getBoundingClientRect().left;
    (columns[x] ??= []).push(node.dataset.key);
  }
  return Object.keys(columns).map(Number).sort((a, b) => a - b).map((x) => columns[x].sort());
})()"""
# Of 200 programs: whether two boxes overlap, or one is left of what it depends on; and the size of the whole.
LAYOUT = """
const [done] = [arguments[arguments.length - 1]];
import(new URL('static/graph-layout.js', location.href)).then(({ layout, WIDTH, HEIGHT }) => {
  const nodes = Array.from({ length: 200 }, (_, at) => ({
    name: `p${at}`, level: Math.floor(Math.log2(at + 1)), below: at ? [`p${(at - 1) >> 1}`] : [], above: [],
  }));
  const { places, width, height } = layout(nodes);
  const all = [...places.values()];
  const cover = (a, b) => a !== b && Math.abs(a.x - b.x) < WIDTH && Math.abs(a.y - b.y) < HEIGHT;
  const overlap = all.some((a) => all.some((b) => cover(a, b)));
  const wrong = nodes.filter((n) => n.below.some((name) => places.get(name).x >= places.get(n.name).x)).length;
  const outside = all.some((a) => a.x < 0 || a.y < 0 || a.x + WIDTH > width || a.y + HEIGHT > height);
  done({ count: places.size, overlap, wrong, outside, width, height });
});
"""


def node(name: str) -> str:
    return NODE.format(name)


def test_the_graph_is_drawn_by_levels_and_follows_what_happens(site, browser, tmp_path):
    """What others depend on is left of them; states change in place, and a box is found by its name."""
    master = site(STACK.format(folder=tmp_path))
    browser.show(master.url)
    browser.click("#more")
    browser.click("#menu a[href='#graph']")
    browser.until(node("web"))
    assert browser.text("#log-title") == "What waits for what"
    assert browser.ask(COLUMNS) == [["db", "mail", "queue"], ["web", "worker"]]
    assert "1 other program depends on nothing." in browser.text("#view-graph p")
    label = "web, starting, waiting, needs db ready, which it waits for; queue ready"
    assert browser.ask(f"{node('web')}.getAttribute('aria-label')") == label
    waits = "[...document.querySelectorAll('#view-graph .edge.waits')].map((e) => e.dataset.from + ' ' + e.dataset.to)"
    assert browser.ask(waits) == ["db web"]
    assert browser.ask("document.querySelectorAll('#view-graph .edge.optional').length") == 1
    (tmp_path / "db").touch()
    browser.until(f"{node('web')}.dataset.state === 'RUNNING'")
    browser.until(f"{waits}.length === 0")
    took = f"{node('db')}.querySelector('.now')"
    assert re.fullmatch(r"running, ready in [\d. ms]+", browser.ask(f"{took}.textContent"))
    rights = f"[{took}, {node('db')}.querySelector('rect')].map((part) => part.getBoundingClientRect().right)"
    text, box = browser.ask(rights)
    assert text < box


def test_keys_go_from_box_to_box(site, browser):
    """One is in the order of the Tab key; arrows go to the others, also after it was drawn anew; Enter opens why."""
    master = site(STACK.format(folder="/nonexistent"))
    browser.show(master.url + "#graph")
    browser.until(node("web"))
    assert (
        browser.ask("[...document.querySelectorAll('#view-graph a.node')].filter((n) => n.tabIndex === 0).length") == 1
    )
    browser.driver.execute_script("document.querySelector('#view-graph a.node[tabindex=\"0\"]').focus()")
    focused = "document.activeElement.dataset.key"
    first = browser.ask(focused)
    browser.key(Keys.ARROW_RIGHT)
    assert browser.ask(focused) in ("web", "worker")
    browser.key(Keys.ARROW_LEFT)
    browser.key(Keys.ARROW_UP)
    browser.key(Keys.ARROW_UP)
    assert browser.ask(focused) in ("db", "mail", "queue")
    assert first in ("db", "mail", "queue")
    near = "[...document.querySelectorAll('#view-graph a.near')].map((n) => n.dataset.key).sort()"
    here = browser.ask(focused)
    assert here in browser.ask(near)
    master.call("POST", "/v1/processes/mail/start")
    browser.until(f"{node('mail')}.dataset.state === 'RUNNING'")
    assert browser.ask(focused) == here
    browser.key(Keys.ENTER)
    browser.until(f"location.hash === '#why/{here}'")


def test_the_graph_of_a_process_is_what_it_needs_and_what_needs_it(site, browser):
    """All of it, directly or not, and nothing else; one without any says so."""
    master = site(STACK.format(folder="/nonexistent"))
    browser.show(master.url + "#graph/db")
    browser.until(node("web"))
    assert browser.ask(COLUMNS) == [["db"], ["web"]]
    assert browser.ask(f"{node('db')}.classList.contains('own')")
    browser.driver.execute_script("location.hash = '#graph/alone'")
    browser.until("document.querySelector('#view-graph').innerText.startsWith('alone depends on nothing')")


def test_two_hundred_programs_have_room(site, browser):
    """No box covers another one, and each is right of what it depends on."""
    master = site(program("web"))
    browser.show(master.url)
    found = browser.driver.execute_async_script(LAYOUT)
    assert (found["count"], found["overlap"], found["wrong"], found["outside"]) == (200, False, 0, False)
    assert found["height"] < 2000
    assert found["width"] < 5000

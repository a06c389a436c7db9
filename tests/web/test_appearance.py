"""Colours, sizes, the keyboard and screen readers in a real browser."""

import signal

import pytest

from tests.support.browser import ALL_STATES, NOBODY_ANSWERS, program, row, section

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_theme_follows_the_system_unless_one_is_chosen(site, browser):
    """The page follows the system's preference and its changes; a choice is remembered."""
    master = site(program("api"))
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    browser.show(master.url)
    light = browser.ask(ground)
    browser.prefers("dark")
    dark = browser.ask(ground)
    assert dark != light
    browser.click("#theme")
    assert browser.ask(ground) == light
    browser.show(master.url)
    assert browser.ask(ground) == light
    browser.prefers("light")
    browser.click("#theme")
    assert browser.ask(ground) == dark
    browser.click("#theme")
    assert browser.ask(ground) == light


# https://www.w3.org/TR/WCAG22/#contrast-minimum: the lowest ratio of any text that is seen, and where.
LOWEST_CONTRAST = """(() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return { c: n.slice(0, 3), a: n[3] ?? 1 }; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const { c, a } = parse(getComputedStyle(e).backgroundColor);
      if (a === 1) return c;
    }
    return [255, 255, 255];
  };
  let worst = [99, ''];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest('.unseen, .skip, script')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color).c), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, element.outerHTML];
  }
  return worst;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(site, browser, scheme):
    """Every text has a contrast of 4.5 to 1, also in failures, a log, a message and the banner of a lost master."""
    master = site(ALL_STATES)
    browser.may_say(NOBODY_ANSWERS)
    master.wait_for("gave up: missing")
    master.say("api", "".join(f"\x1b[{colour}mcolour {colour}\n" for colour in (*range(30, 38), 0, 2)))
    browser.prefers(scheme)
    browser.show(master.url + "#log/api")
    browser.until(section("missing"))
    browser.until("document.querySelectorAll('#lines > div').length === 10")
    browser.press("missing", "start")
    browser.until("document.querySelector('.note-card.bad')")
    ratio, place = browser.ask(LOWEST_CONTRAST)
    assert ratio >= 4.5, place
    master.process.send_signal(signal.SIGTERM)
    browser.until("document.body.dataset.link === 'lost'")
    ratio, place = browser.ask(LOWEST_CONTRAST)
    assert ratio >= 4.5, place


# The views of a process that has failed, and what shows that they are there.
VIEWS = {
    "#why/missing": "#view-why h3",
    "#history/missing": "#view-history tbody tr",
    "#crashes": "#view-crashes tbody tr",
    "#crashes/missing": "#view-crashes tbody tr",
    "#usage/api": "#view-usage figure",
    "#details/api": "#view-details p",
    "#options/api": "#view-options tr",
    "#update": "#view-update p",
    "#graph/api": "#view-graph p",
    "#events": "#records .record",
}


def go_to(browser, view):
    browser.driver.execute_script("location.hash = arguments[0]", view)
    browser.until(f"document.querySelector({VIEWS[view]!r})")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_the_views_has_enough_contrast(site, browser, scheme):
    """Every text has a contrast of 4.5 to 1 in each view, and in a crash report that is open."""
    master = site(ALL_STATES)
    master.wait_for("gave up: missing")
    browser.prefers(scheme)
    browser.show(master.url)
    browser.until(section("missing"))
    for view in VIEWS:
        go_to(browser, view)
        ratio, place = browser.ask(LOWEST_CONTRAST)
        assert ratio >= 4.5, (view, place)
    go_to(browser, "#crashes")
    browser.click("#view-crashes td a")
    browser.until("document.querySelector('#view-crashes dl')")
    ratio, place = browser.ask(LOWEST_CONTRAST)
    assert ratio >= 4.5, place


@pytest.mark.parametrize("width", [360, 900])
def test_no_view_is_wider_than_the_screen(site, browser, width):
    """On a phone and on a small tablet nothing of a row or a view is cut off, and every target is large enough."""
    master = site(ALL_STATES)
    master.wait_for("gave up: missing")
    browser.size(width, 740)
    browser.show(master.url)
    browser.until(section("missing"))
    wide = (
        "[...document.querySelectorAll('main *, #log *')].filter((e) => e.checkVisibility())"
        f".filter((e) => !e.closest('#views, .unseen, svg, thead') && e.getBoundingClientRect().right > {width})"
        ".map((e) => e.outerHTML)"
    )
    small = (
        "[...document.querySelectorAll('button, a:not(.skip), input, select')].filter((e) => e.checkVisibility())"
        ".filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)"
    )
    assert browser.ask(wide) == []
    for view in VIEWS:
        go_to(browser, view)
        assert browser.ask(wide) == [], view
        if width == 360:
            assert browser.ask(small) == [], view


def test_a_phone_shows_the_button_of_the_log(site, browser):
    """A narrow page has a button for the log in each row, too."""
    master = site(program("web"))
    browser.size(360, 740)
    browser.show(master.url)
    browser.state("web", "running")
    browser.click("[data-spec=web] [data-log]")
    browser.until("document.querySelector('#log-title').textContent === 'web'")


def test_nothing_is_wider_than_a_phone(site, browser):
    """At 360 pixels nothing scrolls sideways, and every target is large enough for a thumb."""
    master = site(ALL_STATES)
    master.wait_for("gave up: missing")
    browser.size(360, 740)
    browser.show(master.url)
    browser.until(section("missing"))
    wide = (
        "document.documentElement.scrollWidth > 360"
        " || [...document.querySelectorAll('main *')].some((e) => e.getBoundingClientRect().right > 360)"
    )
    assert not browser.ask(wide)
    # https://www.w3.org/TR/WCAG22/#target-size-minimum
    small = (
        "[...document.querySelectorAll('button, a:not(.skip)')].filter((e) => e.checkVisibility())"
        ".map((e) => e.getBoundingClientRect()).filter((box) => box.height < 24 || box.width < 24)"
        ".map((box) => [box.x, box.y, box.width, box.height])"
    )
    assert browser.ask(small) == []
    browser.press("missing", "start")
    browser.until("document.querySelector('.note-card.bad')")
    assert not browser.ask(wide)
    browser.click(".note-card .icon")
    browser.click("#more")
    assert not browser.ask(wide)
    browser.click("#menu [data-do=stop]")
    browser.until("document.querySelector('#ask').open")
    assert not browser.ask(wide)
    browser.answer("no")
    browser.click("[data-spec=api] .name")
    browser.until("!document.querySelector('#log').hidden")
    master.say("api", "long " * 200 + "\n")
    browser.until("document.querySelectorAll('#lines div').length")
    assert not browser.ask(wide)
    assert browser.ask("page.$('lines').scrollWidth <= 360")
    assert browser.ask(small) == []


def test_everything_works_with_the_keyboard(site, browser):
    """/ filters, Enter presses, Escape closes; a button keeps the focus when its row moves."""
    master = site(program("api") + program("bad", autorestart="false") + program("other"))
    browser.show(master.url)
    browser.state("bad", "running")
    browser.key("/")
    browser.key("BAD run")
    browser.until(f"{row('api')}.hidden && !{row('bad')}.hidden")
    browser.escape()
    browser.until(f"!{row('api')}.hidden")
    browser.driver.execute_script("document.querySelector('[data-spec=bad] [data-do=restart]').focus()")
    master.say("bad", "exit 1\n")
    browser.until(f"{section('bad')} === 'Needs attention'")
    assert browser.ask("document.activeElement.getAttribute('aria-label')") == "Restart bad"
    browser.driver.execute_script("document.querySelector('[data-spec=bad] [data-do=start]').focus()")
    browser.key("\n")
    browser.until(f"{section('bad')} === 'Processes'")
    assert browser.ask("document.activeElement.getAttribute('aria-label')") == "Start bad"
    browser.driver.execute_script("document.querySelector('[data-spec=bad] .name').focus()")
    browser.key("\n")
    browser.until("document.activeElement.id === 'log-title'")
    browser.escape()
    browser.until("document.activeElement.textContent === 'bad'")


def test_every_button_has_a_name(site, browser):
    """Everything that can be operated has a name for screen readers."""
    master = site(ALL_STATES)
    browser.show(master.url + "#log/api")
    browser.state("api", "running")
    tree = browser.cdp("Accessibility.getFullAXTree")["nodes"]
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored")
        and node["role"]["value"] in ("button", "link", "searchbox", "region", "dialog", "log", "group")
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    names = {node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "button" and "name" in node}
    assert {"Stop api", "Restart api", "Start idle", "Stop all of pool…", "Close the panel"} <= names
    master.say("api", "exit 1\n")
    browser.until(f"{row('api')}.querySelector('.restarts').textContent === '1 restart'")

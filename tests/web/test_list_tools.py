"""Order, folded groups, marked rows and keys of the list in a real browser."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.browser import MISSING, program, row

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = "[...document.querySelectorAll('#others .row')].filter((r) => r.checkVisibility()).map((r) => r.dataset.spec)"
FOCUS = "document.activeElement.closest('[data-spec]')?.dataset.spec"


def pool(name, count, **options):
    return program(name, "sleep 1000", numprocs=count, process_name="%(program_name)s_%(process_num)02d", **options)


def test_the_list_is_sorted_by_figures_restarts_or_start(site, browser):
    """Another order than by name has no groups; the browser remembers it."""
    master = site(program("a") + program("b") + pool("p", 2) + program("c", autostart="false"))
    browser.show(master.url)
    browser.state("p:p_01", "running")
    master.say("b", "exit 3\n")
    browser.until(f"{row('b')}.querySelector('.restarts').textContent === '1 restart'")
    names = {"a", "b", "c", "p:p_00", "p:p_01"}

    def order(by):
        browser.driver.execute_script(
            "const order = document.querySelector('#order'); order.value = arguments[0];"
            "order.dispatchEvent(new Event('change'))",
            by,
        )
        shown = browser.ask(ROWS)
        assert set(shown) == names
        return shown

    assert order("restarts")[0] == "b"
    assert order("state")[-1] == "c"
    assert browser.ask("page.processes.groups.size") == 0
    figures = [
        {"namespec": name, "pid": 1, "cpu": 0, "rss": size, "processes": 1} for name, size in (("a", 5), ("p:p_01", 9))
    ]
    browser.driver.execute_script("page.figures.stop(); page.figures.take(arguments[0], Date.now())", figures)
    assert order("rss")[:2] == ["p:p_01", "a"]
    browser.show(master.url)
    browser.state("p:p_01", "running")
    assert browser.ask("document.querySelector('#order').value") == "rss"
    assert order("name") == ["a", "b", "c", "p:p_00", "p:p_01"]


def test_of_many_processes_healthy_groups_are_folded(site, browser):
    """A group in which something is stopped stays open; the filter looks into folded ones; a choice is kept."""
    master = site(pool("many", 40) + pool("off", 2, autostart="false") + MISSING)
    browser.show(master.url)
    browser.until("document.querySelector(\"[data-spec='many:*'] .sum\")?.textContent === '40 of 40 running'")
    browser.until(f"!{row('many:many_39')}.checkVisibility()")
    assert browser.ask(ROWS) == ["off:off_00", "off:off_01"]
    browser.until("document.querySelector(\"[data-spec='many:*'] .rss .value\").textContent.endsWith('MB')")
    browser.type("#filter", "many_07")
    browser.until(f"{row('many:many_07')}.checkVisibility()")
    browser.escape()
    browser.click("[data-spec='many:*'] .fold")
    browser.show(master.url)
    browser.until(f"{row('many:many_39')}?.checkVisibility()")
    assert browser.ask(f"{row('many:many_39')}.querySelector('.name').getBoundingClientRect().left") == browser.ask(
        "document.querySelector(\"[data-spec='many:*'] h3\").getBoundingClientRect().left"
    )


def test_a_change_touches_the_row_of_its_process_alone(site, browser):
    """Of many rows, those of other processes stay as they are; only the times of those in view go on."""
    master = site(pool("many", 45) + program("echo"))
    browser.show(master.url)
    browser.state("echo", "running")
    browser.until("document.querySelector(\"[data-spec='many:*']\").hasAttribute('data-folded')")
    browser.driver.execute_script(
        "window.touched = new Set();"
        "new MutationObserver((all) => all.forEach(({target}) => {"
        "  const element = target.nodeType === 1 ? target : target.parentElement;"
        "  if (!element?.closest('.when, .figures')) touched.add(element?.closest('.row')?.dataset.spec);"
        "})).observe(page.$('processes'), {subtree: true, childList: true, characterData: true, attributes: true})"
    )
    master.say("echo", "exit 3\n")
    browser.until(f"{row('echo')}.querySelector('.restarts').textContent === '1 restart'")
    browser.until("page.processes.settling === 0")
    assert set(browser.ask("[...touched].filter(Boolean)")) == {"echo"}


def test_a_row_out_of_view_is_brought_up_to_date_too(site, browser):
    """Within a second, or when it comes into view: a screen reader and the browser's search read it there."""
    master = site(pool("many", 45))
    browser.show(master.url)
    browser.until("document.querySelector(\"[data-spec='many:*']\").hasAttribute('data-folded')")
    browser.driver.execute_script("page.processes.folds.toggle('many')")
    browser.until(f"{row('many:many_44')}.checkVisibility()")
    assert browser.ask(f"{row('many:many_44')}.getBoundingClientRect().top > innerHeight")
    master.call("POST", "/v1/processes/many:many_44/stop", {})
    browser.state("many:many_44", "stopped")
    browser.until("document.querySelector(\"[data-spec='many:*'] .sum\").textContent === '44 of 45 running'")
    assert browser.ask("page.processes.stale.size") == 0


def test_several_marked_processes_are_acted_on(site, browser):
    """Marked by their boxes, with Shift from one to another; what they are asked for is what makes sense for each."""
    master = site(program("a") + program("b") + program("c") + program("d", autostart="false"))
    browser.show(master.url)
    browser.state("c", "running")
    browser.click("[data-spec=a] .pick")
    browser.driver.execute_script(
        f"{row('c')}.querySelector('.pick').dispatchEvent(new MouseEvent('click', {{bubbles: true, shiftKey: true}}))"
    )
    browser.until("document.querySelector('#marked .text').textContent === '3 processes marked'")
    browser.click("#marked [data-do=stop]")
    browser.answer("yes")
    for name in "abc":
        browser.state(name, "stopped")
    browser.until("document.querySelector('#marked').hidden")
    browser.click("[data-spec=a] .pick")
    browser.click("#mark-shown")
    browser.until("document.querySelector('#marked .text').textContent === '4 processes marked'")
    browser.click("#marked [data-do=start]")
    for name in "abcd":
        browser.state(name, "running")


def test_the_list_is_one_stop_of_the_tab_key(site, browser):
    """The arrow keys go on from there, letters act on the row, and ? shows all keys."""
    master = site(program("a") + program("b") + pool("p", 2))
    browser.show(master.url)
    browser.state("p:p_01", "running")
    stops = "[...document.querySelectorAll('main li :is(a, button, input)')].filter((e) => e.tabIndex === 0).length"
    assert browser.ask(stops) == 1
    # They are a part of the row that can have the focus.
    browser.until(f"!{row('b')}.querySelector('.figures').hasAttribute('data-none')")
    browser.driver.execute_script("document.querySelector('[data-spec=a] .name').focus()")
    browser.key(Keys.ARROW_DOWN)
    assert browser.ask(FOCUS) == "b"
    browser.key(Keys.ARROW_RIGHT)
    browser.key(Keys.ARROW_LEFT)
    assert browser.ask("document.activeElement.className") == "name"
    browser.key(Keys.ARROW_DOWN)
    assert browser.ask(FOCUS) == "p:*"
    browser.key(Keys.ARROW_LEFT)
    assert browser.ask(f"{row('p:p_00')}.checkVisibility()") is False
    browser.key(Keys.ARROW_RIGHT)
    browser.key(Keys.END)
    assert browser.ask(FOCUS) == "p:p_01"
    assert browser.ask(stops) == 1
    browser.key(" ")
    browser.until("document.querySelector('#marked .text').textContent === '1 process marked'")
    browser.key(Keys.HOME)
    browser.key("S")
    browser.state("a", "stopped")
    browser.key("s")
    browser.state("a", "running")
    browser.key("w")
    browser.until("document.querySelector('#view-why h3')")
    browser.escape()
    browser.until("document.querySelector('#log').hidden")
    browser.escape()
    browser.until("document.querySelector('#marked').hidden")
    browser.key("?")
    browser.until("document.querySelector('#keys').open")
    browser.click("#letters")
    browser.click("#keys [value=close]")
    browser.driver.execute_script("document.querySelector('[data-spec=a] .name').focus()")
    browser.key("?")
    browser.key("S")
    assert browser.ask("document.querySelector('#keys').open") is False
    assert master.info("a")["statename"] == "RUNNING"


def test_readiness_health_and_the_next_run_are_in_the_row(site, browser, tmp_path):
    """Ready and healthy are marks; what waits says for what; a schedule says when it runs next."""
    db = program("db", ready=f"file:{tmp_path}/db", ready_interval="50ms", start_timeout="none")
    job = "[program:job]\ntype=oneshot\ncommand=true\nschedule=every 2h\n"
    web = program(
        "web", depends_on="db@ready", health="exec:test -e " + str(tmp_path / "well"), health_interval="100ms"
    )
    master = site(db + web + job)
    browser.show(master.url)
    marks = "[...{}.querySelectorAll('.marks > *')].map((mark) => mark.textContent).join()"
    browser.until(f"{marks.format(row('db'))} === 'not ready yet'")
    browser.until(f"{row('web')}.querySelector('.detail .text').textContent === 'waits for db@ready'")
    (tmp_path / "well").touch()
    (tmp_path / "db").touch()
    browser.until(f"{marks.format(row('db'))} === 'ready'")
    browser.until(f"{marks.format(row('web'))} === 'healthy'")
    assert "next run " in browser.text("[data-spec=job] .detail")


def test_what_is_blocked_names_the_state_of_what_it_needs(site, browser):
    """Its own state, which stands beside, is not said again; a schedule that is off is said."""
    job = "[program:job]\ntype=oneshot\ncommand=sh -c 'exit 3'\n"
    night = "[program:night]\ncommand=true\nschedule=0 2 * * *\n"
    master = site(job + night + program("web", depends_on="job@done"))
    master.call("POST", "/v1/processes/night/stop")
    browser.show(master.url)
    browser.until(f"{row('web')}?.textContent.includes('blocked: job is FATAL: Bad exit code 3')")
    assert "FATAL (blocked)" not in browser.text("[data-spec=web]")
    browser.until(f"{row('night')}.querySelector('.detail .text').textContent === 'not started; its schedule is off'")

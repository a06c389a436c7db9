"""CPU and memory as small charts in a real browser."""

import pytest

from tests.support.browser import program, row
from tests.support.running_master import python

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Every address that the page asks for from now on.
LISTEN = (
    "window.asked = []; const real = fetch; window.fetch = (url, ...rest) => (asked.push(url), real(url, ...rest));"
)
ASKED = "asked.filter((url) => String(url).endsWith('/figures')).length"
BUSY = python("while True: pass")


def value(name, what):
    return f"{row(name)}.querySelector('.{what} .value').textContent"


def test_a_row_has_cpu_and_memory_with_a_chart_of_each(site, browser):
    """A running process shows what it uses, in numbers and as lines; one without a process shows nothing."""
    master = site(program("busy", BUSY) + program("idle", autostart="false"))
    browser.show(master.url)
    browser.until(f"/^\\d+(\\.\\d)? %$/.test({value('busy', 'cpu')})")
    assert browser.ask(value("busy", "rss")).endswith(" MB")
    assert browser.ask(f"{row('busy')}.querySelector('.rss .line').getAttribute('d')").startswith("M")
    assert not browser.find("[data-spec=idle] .figures").is_displayed()
    browser.press("busy", "stop")
    browser.state("busy", "stopped")
    browser.driver.execute_script("page.figures.ask()")
    browser.until(f"{row('busy')}.querySelector('.figures').hasAttribute('data-none')")


def test_a_group_has_no_share_of_cpu_before_one_of_its_processes_has(site, browser):
    """After the first sample, and after a start, a dash stands there as in the rows, and not "0.0 %"."""
    master = site(program("web", numprocs="2", process_name="%(process_num)d"))
    browser.show(master.url)
    browser.state("web:1", "running")
    browser.driver.execute_script("page.figures.stop()")
    shown = (
        "const [name, pid, cpu, after] = arguments;"
        "page.figures.take([{ namespec: 'web:0', pid, cpu, rss: 1e6, processes: 1 }], 2e12 + after);"
        "const head = document.querySelector('.group .figures');"
        "return head.querySelector('.cpu .value').textContent;"
    )
    texts = [browser.driver.execute_script(shown, "web", *one) for one in ((7, 1, 1e6), (7, 2, 1.01e6), (8, 0, 1.02e6))]
    assert texts == ["\u2013", "10 %", "\u2013"]


def test_nothing_is_asked_while_nobody_looks(site, browser):
    """A hidden tab, and one without a connection, asks for no figures; one that is shown again does at once."""
    master = site(program("web"))
    browser.show(master.url)
    browser.until("page.figures.count >= 1")
    browser.minimize()
    # One may be on its way.
    browser.driver.execute_async_script(
        "const [done] = arguments; const look = () => (page.figures.asking ? setTimeout(look) : done()); look();"
    )
    browser.driver.execute_script(LISTEN)
    assert browser.ask("[page.figures.timer, page.figures.asking]") == [0, False]
    browser.restore()
    browser.until(f"{ASKED} >= 1 || page.figures.asking")
    browser.driver.execute_script("page.figures.stop()")
    assert browser.ask("page.figures.timer") == 0


def test_the_view_has_both_charts_with_their_scales(site, browser):
    """The view of a process has two charts, each with its scale, its present value, and words for screen readers."""
    master = site(program("busy", BUSY))
    browser.show(master.url + "#usage/busy")
    browser.until("document.querySelector('#view-usage .now b')?.textContent.endsWith('%')")
    labels = "[...document.querySelectorAll('#view-usage svg')].map((svg) => svg.getAttribute('aria-label'))"
    cpu, memory = browser.ask(labels)
    assert cpu.startswith("CPU: now ")
    assert memory.startswith("Memory: now ")
    assert "most" in cpu
    scale = "[...document.querySelectorAll('#view-usage figure')[1].querySelectorAll('.scale span')]"
    assert browser.ask(f"{scale}.map((mark) => mark.textContent)")[2] == "0"
    browser.until("document.querySelector('#view-usage p:last-child').textContent.includes('keeps the last hour')")


FEED = """
const [rounds, step] = arguments;
const start = Date.now();
for (let n = 0; n < rounds; n++) {
  const figures = { namespec: "web", pid: 7, cpu: n * 0.5, rss: 1e6 * (1 + n % 10), processes: 1 };
  page.figures.take([figures], start + n * step);
}
"""


def test_an_hour_is_kept_and_no_more(site, browser):
    """Of many samples, those of the last hour are kept, in an order that grows."""
    master = site(program("web"))
    browser.show(master.url)
    browser.driver.execute_script("page.figures.stop()")
    browser.driver.execute_script(FEED, 1000, 10_000)
    points = browser.ask("page.figures.points('web', 'cpu')")
    assert len(points) == browser.ask("page.SLOTS")
    assert points == sorted(points)
    assert points[-1][1] == pytest.approx(5.0)  # half a second of CPU in ten
    span = browser.ask("page.figures.span()")
    assert span["end"] - span["start"] == browser.ask("page.HOUR")
    assert browser.ask("page.figures.series.get('web').cpu.length") == browser.ask("page.SLOTS")


def test_a_pause_and_another_run_interrupt_the_line(site, browser):
    """Where the tab was hidden the line is interrupted, and CPU seconds of another run are not subtracted."""
    master = site(program("web"))
    browser.show(master.url)
    browser.driver.execute_script("page.figures.stop()")
    browser.driver.execute_script(FEED, 5, 10_000)
    more = "page.figures.take([{ namespec: 'web', pid: %d, cpu: %f, rss: 2e6, processes: 1 }], Date.now() + %d)"
    for pid, seconds, after in ((7, 9.0, 600_000), (7, 9.1, 610_000), (8, 0.1, 620_000), (8, 0.2, 630_000)):
        browser.driver.execute_script(more % (pid, seconds, after))
    line = browser.ask(f"{row('web')}.querySelector('.rss .line').getAttribute('d')")
    assert line.count("M") == 2
    cpu = [None if share is None else round(share, 1) for _, share in browser.ask("page.figures.points('web', 'cpu')")]
    assert cpu[-2:] == [None, 1.0]  # NaN arrives as None
    browser.driver.execute_script("page.figures.forget('web')")
    assert browser.ask("[page.figures.latest('web'), page.figures.points('web', 'cpu')]") == [None, []]


MANY = """
const [count] = arguments;
page.events.close();
const [info] = [...page.processes.known.values()].map((process) => process.info);
const infos = Array.from({ length: count }, (_, n) => ({ ...info, name: `s${n}`, group: `s${n}`, namespec: `s${n}` }));
page.processes.snapshot({ names: infos.map((one) => one.namespec), processes: infos });
const figures = infos.map(({ namespec }) => ({ namespec, pid: 7, cpu: 1, rss: 2e6, processes: 1 }));
for (let n = 0; n < 3; n++) page.figures.take(figures, Date.now() + n * 10_000);
"""


def test_of_a_thousand_rows_those_in_view_are_drawn(site, browser):
    """With a thousand processes only the rows in view have charts; others get theirs when they are scrolled to."""
    master = site(program("web"))
    browser.show(master.url)
    browser.state("web", "running")
    browser.driver.execute_script("page.figures.stop()")
    browser.driver.execute_script(MANY, 1000)
    browser.until(f"{row('s0')}.querySelector('.chart')")
    assert browser.ask("document.querySelectorAll('.row .figures:has(.chart)').length") < 100
    assert browser.ask(f"{row('s999')}.querySelector('.chart')") is None
    browser.driver.execute_script(f"{row('s999')}.scrollIntoView()")
    browser.until(f"{row('s999')}.querySelector('.chart')")
    assert browser.ask("page.figures.series.size") <= 1001


def test_scales_end_at_round_values(site, browser):
    """The upper end of a scale is a round value that the samples fit below: of percents, and of bytes."""
    master = site(program("web", autostart="false"))
    browser.show(master.url)
    for most, top in ((0, 10), (10, 10), (11, 20), (99, 100), (350, 500)):
        assert browser.ask(f"page.scaleFor([[0, {most}]], 10, 10)") == pytest.approx(top)
    for most, top in ((1, 1), (5, 6), (100, 128)):
        assert browser.ask(f"page.scaleFor([[0, {most} << 20]], 1 << 20, 2) / (1 << 20)") == pytest.approx(top)

"""Search, colours, times, older lines and the download of a log in a real browser."""

import urllib.request

import pytest

from tests.support.browser import program
from tests.support.running_master import python

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COUNT = python(
    "import sys\nfor line in sys.stdin:\n    for number in range(int(line)): print('line', number)\n"
    "    print('end', flush=True)"
)
SHOWN = "[...document.querySelectorAll('#lines > div')].filter((line) => line.checkVisibility())"
FIRST = "document.querySelector('#lines').firstElementChild.textContent"


def test_a_log_is_searched(site, browser):
    """What is found is counted, also as it comes; Enter goes from one to the next; the other lines can be hidden."""
    master = site(program("echo"))
    browser.show(master.url + "#log/echo")
    master.say("echo", "one apple\n\x1b[31mtwo ap\x1b[0mples\nthree\n")
    browser.until("document.querySelectorAll('#lines > div').length === 3")
    browser.driver.execute_script("document.querySelector('#log-title').focus()")
    browser.key("f")
    browser.key("APPLE")
    browser.until("document.querySelector('#found').textContent === '2 lines'")
    assert browser.ask("page.log.search.found.size") == 2
    browser.key("\n")
    browser.until("document.querySelector('#found').textContent === '2 of 2 lines'")
    browser.key("\n")
    browser.until("document.querySelector('[data-current]').textContent === 'one apple'")
    browser.click("#only")
    assert browser.ask(f"{SHOWN}.length") == 2
    master.say("echo", "four apples\nfive\n")
    browser.until("document.querySelector('#found').textContent.endsWith('3 lines')")
    browser.until(f"{SHOWN}.length === 3")
    browser.driver.execute_script("document.querySelector('#find').focus()")
    browser.escape()
    browser.until(f"{SHOWN}.length === 5")


def test_colours_and_times_of_a_log(site, browser):
    """Colours become classes, which no text can forge; each line has its time, which copying leaves out."""
    master = site(program("echo"))
    master.say("echo", "\x1b[1;32mgood\x1b[0m plain \x1b[38;5;208mother\x1b[m\n")
    next(master.follow("echo"))
    browser.show(master.url + "#log/echo")
    browser.until("document.querySelector('#lines > div')")
    assert browser.ask(
        "[...document.querySelectorAll('#lines > div > span')].map((s) => [s.className, s.textContent])"
    ) == [["ansi-green bold", "good"]]
    assert browser.lines()[0] == "good plain other"
    browser.click("#times")
    browser.until("document.querySelector('#lines').hasAttribute('data-times')")
    master.say("echo", "caf\u00e9 \u20ac\n")
    browser.until("document.querySelectorAll('#lines > div').length === 2")
    times = browser.ask("[...document.querySelectorAll('#lines > div')].map((line) => line.dataset.time)")
    assert all(len(time.strip()) == len("10:00:00") for time in times)
    assert browser.lines()[1] == "caf\u00e9 \u20ac"


def test_older_lines_and_the_download(site, browser, tmp_path):
    """A log goes further back than its first screenfuls; the reader keeps the place; the whole file can be had."""
    master = site(program("count", COUNT))
    master.say("count", "5000\n")
    for piece in (follower := master.follow("count")):
        if b"end" in piece:
            break
    follower.close()
    browser.show(master.url + "#log/count")
    browser.until(
        f"document.querySelector('#lines').lastElementChild?.textContent === 'end' && {FIRST} === 'line 4001'"
    )
    browser.driver.execute_script("page.$('lines').scrollTop = 0")
    browser.until("!document.querySelector('#newest').hidden")
    browser.click("#older")
    browser.until(f"{FIRST} === 'line 0'")
    browser.until("document.querySelector('#older').hidden")
    top = "document.elementFromPoint(100, page.$('lines').getBoundingClientRect().top + 12).textContent"
    browser.until(f"Math.abs(Number({top}.slice(5)) - 4001) < 3")
    link = browser.ask("[document.querySelector('#download').href, document.querySelector('#download').download]")
    assert link[1] == "count.stdout.log"
    with urllib.request.urlopen(link[0]) as answer:
        assert answer.read().splitlines()[-1] == b"end"

"""The log panel in a real browser."""

import pytest

from tests.support.browser import program, section
from tests.support.running_master import python

pytestmark = [pytest.mark.browser, pytest.mark.slow]


AT_ITS_END = "page.$('lines').scrollHeight - page.$('lines').scrollTop - page.$('lines').clientHeight < 2"


def test_a_log_is_followed_as_it_grows(site, browser):
    """New lines appear at once; markup, escape sequences and control characters in them have no effect."""
    master = site(program("echo"))
    master.say("echo", "the past\n")
    next(master.follow("echo"))
    browser.show(master.url)
    browser.click("[data-spec=echo] .name")
    browser.until("document.querySelector('#lines').textContent === 'the past'")
    nasty = "<script>document.title = 'hacked'</script><img src=x onerror=alert(1)>"
    master.say("echo", f"{nasty}\n")
    browser.until("document.querySelectorAll('#lines div').length === 2")
    master.say("echo", "\x1b[31mred\x1b[0m \x1b]0;title\x07bell \x07 \u202e\r\n50%\r100%\n")
    browser.until("document.querySelectorAll('#lines div').length === 4")
    assert browser.lines() == ["the past", nasty, "red bell ␇ \ufffd", "100%"]
    # Colours are classes of spans.
    assert browser.ask("document.querySelectorAll('#lines :not(div, span[class^=ansi-])').length") == 0
    assert "hacked" not in browser.driver.title


def test_an_incomplete_line_is_shown(site, browser):
    """A prompt without an end of line is shown, and the rest of the line joins it."""
    code = "import sys\nfor line in sys.stdin: print(line.strip(), end='', flush=True)"
    master = site(program("prompt", python(code)))
    browser.show(master.url + "#log/prompt")
    master.say("prompt", "pass\n")
    browser.until("document.querySelector('#lines').textContent === 'pass'")
    master.say("prompt", "word:\n")
    browser.until("document.querySelector('#lines').textContent === 'password:'")
    assert len(browser.lines()) == 1


def test_both_channels_and_the_log_of_the_master(site, browser):
    """The panel follows stdout, stderr and procman's own log."""
    master = site(program("echo"))
    master.say("echo", "out\nerr one\n")
    next(master.follow("echo", "stderr"))
    browser.show(master.url + "#log/echo")
    browser.until("document.querySelector('#lines').textContent === 'out'")
    browser.click("[data-channel=stderr]")
    browser.until("document.querySelector('#lines').textContent === 'err one'")
    browser.click("#more")
    browser.click("#menu a")
    browser.until("document.querySelector('#lines').textContent.includes('success: echo entered RUNNING state')")
    browser.press("echo", "stop")
    browser.until("document.querySelector('#lines').textContent.includes('stopped: echo')")


def test_the_log_of_a_failed_process_opens_with_the_channel_that_says_why(site, browser):
    """For a failed process the panel opens with the channel of its last line."""
    master = site(program("bad", autorestart="false"))
    master.say("bad", "out\nerr why\nexit 1\n")
    browser.show(master.url)
    browser.until(f"{section('bad')} === 'Needs attention'")
    browser.click("[data-spec=bad] .name")
    browser.until("document.querySelector('#lines').textContent === 'err why'")
    browser.escape()
    browser.until("document.querySelector('#log').hidden")


@pytest.mark.parametrize("file", ["AUTO", "idle.log"])
def test_a_log_that_begins_later_is_followed_from_its_beginning(site, browser, tmp_path, file):
    """The log of a process that never ran is empty or missing; it is followed from its first line."""
    path = file if file == "AUTO" else tmp_path / file
    master = site(program("idle", autostart="false", stdout_logfile=path))
    browser.show(master.url + "#log/idle")
    browser.until("document.querySelector('#log-note').textContent.startsWith('Nothing has been logged yet')")
    browser.click("#log [data-do=start]")
    browser.until("document.querySelector('#log-state').textContent === 'running'")
    master.say("idle", "hello\n")
    browser.until("document.querySelector('#lines').textContent === 'hello'")


def test_a_flood_stays_bounded_and_ends_with_its_last_line(site, browser):
    """The page keeps the end of a log, and does not scroll while the reader is further up."""
    code = (
        "import sys\n"
        "for line in sys.stdin:\n"
        "    for number in range(int(line)): print('line', number)\n"
        "    print('end', flush=True)"
    )
    master = site(program("flood", python(code)))
    browser.show(master.url + "#log/flood")
    master.say("flood", "200000\n")
    browser.until("document.querySelector('#lines').lastElementChild.textContent === 'end'")
    assert browser.ask("document.querySelectorAll('#lines div').length <= page.LINES")
    assert browser.ask(AT_ITS_END)
    browser.driver.execute_script("page.$('lines').scrollTop = 0")
    browser.until("!document.querySelector('#newest').hidden")
    master.say("flood", "10\n")
    browser.until("[...page.$('lines').children].filter((line) => line.textContent === 'end').length === 2")
    assert browser.ask("page.$('lines').scrollTop") == 0
    browser.click("#newest")
    browser.until(f"page.$('newest').hidden && {AT_ITS_END}")


def test_resizing_the_window_stays_at_the_newest_line(site, browser):
    """When a phone is turned, lines wrap differently: the view stays at the newest line."""
    code = (
        "import sys\n"
        "for line in sys.stdin:\n"
        "    for number in range(int(line)): print('a line with so many words that it does not fit', number)\n"
        "    print('end', flush=True)"
    )
    master = site(program("talker", python(code)))
    browser.size(900, 500)
    browser.show(master.url + "#log/talker")
    master.say("talker", "300\n")
    browser.until(f"document.querySelector('#lines').lastElementChild.textContent === 'end' && {AT_ITS_END}")
    browser.size(390, 800)
    browser.until("document.documentElement.clientWidth === 390")
    browser.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert browser.ask(f"page.$('newest').hidden && {AT_ITS_END}")


def test_a_redirected_stderr_is_not_requested(site, browser):
    """With redirect_stderr there is one log for both channels, and no request for another."""
    master = site(program("both", redirect_stderr="true", startsecs=1000, startretries=0))
    master.say("both", "err: no database\nexit 1\n")
    master.wait_for("gave up: both")
    for address in ("#log/both", "#log/both/stderr"):
        browser.show(master.url + address)
        browser.until("document.querySelector('#lines').textContent.includes('no database')")
        assert not browser.ask("document.querySelector('#channels').checkVisibility()")
        assert "stdout and stderr" in browser.text("#log-facts")


def test_a_log_that_does_not_exist_yet_is_not_requested(site, browser):
    """A process that never ran and logs to no file has no log to request; it is followed from its start."""
    console = {"stdout_logfile": "/dev/stdout", "stdout_logfile_maxbytes": 0}
    master = site(
        program("missing", "/nonexistent/program", startretries=0, **console)
        + program("idle", autostart="false", **console)
    )
    master.wait_for("gave up: missing")
    for name in ("missing", "idle"):
        browser.show(master.url + f"#log/{name}")
        browser.until("document.querySelector('#log-note').textContent.startsWith('Nothing has been logged yet')")
    browser.press("idle", "start")
    browser.state("idle", "running")
    master.say("idle", "hello\n")
    browser.until("document.querySelector('#lines').textContent === 'hello'")

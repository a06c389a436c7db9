"""The page as a person sees it: a real master, and chromium."""

import json
import signal

import pytest

from tests.support.browser import ELSEWHERE, NOBODY_ANSWERS, Cutter, program, row
from tests.support.master_process import Master
from tests.support.running_master import python

pytestmark = pytest.mark.browser

MISSING = program("missing", "/nonexistent/program", startretries=0)
ALL_STATES = (
    program("api")
    + MISSING
    + program("idle", autostart="false")
    + program("pool", numprocs=3, process_name="pool_%(process_num)d")
    + program("with-a-name-as-long-as-some-people-give-their-programs-when-nobody-stops-them")
)


def where(name):
    """The heading under which a process stands, as an expression."""
    return f"{row(name)}.closest('section').querySelector('h2').textContent"


# ---- what there is, and what happens


def test_states_appear_and_change_without_a_reload(site, browser):
    """A program dies and is brought back: the page says so by itself."""
    master = site(program("echo") + program("idle", autostart="false"))
    browser.show(master.url)
    browser.state("echo", "running")
    browser.state("idle", "stopped")
    assert "not started" in browser.text("[data-spec=idle]")
    before = browser.pid("echo")
    assert before == master.info("echo")["pid"]
    browser.driver.execute_script("window.same = true")
    master.say("echo", "exit 3\n")
    browser.until(f"{row('echo')}.querySelector('.restarts').textContent === '1 restart'")
    browser.state("echo", "running")
    assert browser.pid("echo") == master.info("echo")["pid"] != before
    assert browser.ask("window.same") is True


def test_what_an_update_brings_and_takes_is_seen(site, browser):
    """Programs come and go, also those that do not start by themselves, with their whole group or alone."""
    master = site(program("old") + program("pool", numprocs=2, process_name="pool_%(process_num)d"))
    browser.show(master.url)
    browser.state("old", "running")
    master.write(
        f"[inet_http_server]\nport=localhost:{master.port}\n"
        + program("new", autostart="false")
        + program("pool", numprocs=3, process_name="pool_%(process_num)d", autostart="false")
    )
    master.call("POST", "/v1/config/update", {})
    browser.state("new", "stopped")
    browser.state("pool:pool_2", "stopped")
    browser.until(f"!{row('old')}")


def test_what_has_failed_is_on_top_with_its_reason(site, browser):
    """The first thing that is seen is what needs somebody, and why; the tab says it, too."""
    master = site(program("api") + MISSING + program("broken", startsecs=1000, startretries=0))
    master.wait_for("gave up: missing")
    browser.show(master.url)
    browser.state("missing", "fatal")
    assert browser.ask(where("missing")) == "Needs attention"
    assert "can't find command '/nonexistent/program'" in browser.text("[data-spec=missing]")
    assert browser.ask("document.querySelector('.row').dataset.spec") == "missing"
    browser.until("document.title.startsWith('(1 failed) ')")
    master.say("broken", "exit 1\n")
    browser.until(f"{where('broken')} === 'Needs attention'")
    assert browser.ask("[...document.querySelectorAll('#trouble .row')].map((row) => row.dataset.spec)") == [
        "broken",
        "missing",
    ]
    assert browser.text("#kinds [data-kind=failed]") == "2 failed"


def test_a_process_that_ended_as_it_should_is_no_failure(site, browser):
    """An expected exit is quiet, an unexpected one is not."""
    master = site(program("done", autorestart="false") + program("bad", autorestart="false"))
    browser.show(master.url)
    master.say("done", "exit 0\n")
    master.say("bad", "exit 9\n")
    browser.state("done", "exited")
    browser.until(f"{where('bad')} === 'Needs attention'")
    assert "exit status 9" in browser.text("[data-spec=bad]")
    assert browser.ask(where("done")) == "Processes"


def test_one_that_is_tried_again_and_again_stays_on_top(site, browser):
    """Between two tries it has not recovered: it does not come and go."""
    master = site(program("flap", startsecs=1000, startretries=1000))
    browser.show(master.url)
    browser.state("flap", "starting")
    for _ in range(2):
        browser.driver.execute_script("window.out = 0")
        master.say("flap", "exit 1\n")
        browser.state("flap", "backoff")
        browser.until(f"{where('flap')} === 'Needs attention'")
        browser.state("flap", "starting")
        assert browser.ask(where("flap")) == "Needs attention"
        assert "exit status 1" in browser.text("[data-spec=flap]")


def test_what_has_failed_says_what_it_said_at_last(site, browser):
    """How it ended and its last line: most of the time that is all that one wants to know."""
    master = site(program("broken", startsecs=1000, startretries=0))
    browser.show(master.url)
    master.say("broken", "err: <b>no</b> database\nexit 1\n")
    browser.state("broken", "fatal")
    assert browser.text("[data-spec=broken] .detail") == "exit status 1\nstderr: err: <b>no</b> database"
    browser.show(master.url + "#log/broken")
    browser.until("document.querySelector('#lines').textContent.includes('database')")
    assert "exit status 1 · stderr: err: <b>no</b> database" in browser.text("#log-facts")


def test_what_flaps_is_not_green(site, browser):
    """It is up whenever somebody looks, and needs somebody; until it has been quiet for long enough, or is stopped."""
    master = site(program("flap"))
    browser.show(master.url)
    browser.state("flap", "running")
    assert browser.ask(where("flap")) == "Processes"
    for restarts in (1, 2, 3):
        pid = master.info("flap")["pid"]
        master.say("flap", "exit 7\n")
        browser.until(f"{row('flap')}.querySelector('.restarts').textContent.startsWith('{restarts} restart')")
        assert master.info("flap")["pid"] != pid
    browser.until(f"{where('flap')} === 'Needs attention'")
    browser.state("flap", "running")
    assert "ends again and again: exit status 7" in browser.text("[data-spec=flap]")
    colour = f"getComputedStyle({row('flap')}.querySelector('.dot')).backgroundColor"
    good = "(() => { const e = document.createElement('i'); e.style.color = 'var(--good)'; document.body.append(e);"
    assert browser.ask(colour) != browser.ask(f"{good} return getComputedStyle(e).color; }})()")
    # Five minutes later, for all that the page knows.
    browser.driver.execute_script(
        "const now = performance.now.bind(performance); performance.now = () => now() + 301_000; fleet.tick();"
    )
    browser.until(f"{where('flap')} === 'Processes'")
    browser.show(master.url)
    browser.until(f"{where('flap')} === 'Needs attention'")
    browser.press("flap", "stop")
    browser.until(f"{where('flap')} === 'Processes'")


def test_the_times_go_on_by_themselves(site, browser):
    """How long something is up counts in the page; the master is not asked."""
    master = site(program("api"))
    browser.show(master.url)
    browser.state("api", "running")
    shown = f"{row('api')}.querySelector('.when').textContent"
    first = browser.ask(shown)
    requests = "performance.getEntriesByType('resource').length"
    before = browser.ask(requests)
    assert browser.until(f"{shown} !== {json.dumps(first)} && {shown}")
    assert browser.ask(requests) == before


# ---- actions


def test_each_button_of_a_process_does_what_it_says(site, browser):
    """Stop, start and restart; what cannot be done now is not offered."""
    master = site(program("web"))
    browser.show(master.url)
    browser.state("web", "running")
    first = browser.pid("web")
    browser.press("web", "restart")
    browser.pid("web", not_=first)
    browser.state("web", "running")
    browser.press("web", "stop")
    browser.state("web", "stopped")
    assert master.info("web")["statename"] == "STOPPED"
    assert browser.find("[data-spec=web] [data-do=stop]").get_attribute("aria-disabled") == "true"
    browser.press("web", "start")
    browser.state("web", "running")
    assert master.info("web")["statename"] == "RUNNING"


def test_the_buttons_of_a_group_are_for_all_of_it(site, browser):
    """group:* from the head of the group, and nobody else."""
    master = site(program("pool", numprocs=2, process_name="pool_%(process_num)d") + program("other"))
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    browser.press("pool:*", "stop")
    browser.answer("yes")
    for name in ("pool:pool_0", "pool:pool_1"):
        browser.state(name, "stopped")
    browser.until("document.querySelector('.group .sum').textContent === '0 of 2 running'")
    browser.press("pool:*", "start")
    for name in ("pool:pool_0", "pool:pool_1"):
        browser.state(name, "running")
    assert master.info("other")["statename"] == "RUNNING"


def test_a_group_is_stopped_or_restarted_only_when_that_was_meant(site, browser):
    """It may be many; the question says how many."""
    master = site(program("pool", numprocs=3, process_name="pool_%(process_num)d") + program("other"))
    browser.show(master.url)
    browser.state("pool:pool_2", "running")
    first = browser.pid("pool:pool_0")
    browser.press("pool:*", "stop")
    browser.until("document.querySelector('#ask').open")
    assert browser.text("#ask-title") == "Stop all of pool?"
    assert browser.text("#ask-text").startswith("3 processes are up now.")
    browser.answer("no")
    browser.press("pool:pool_1", "stop")
    browser.state("pool:pool_1", "stopped")
    assert master.info("pool:pool_0")["pid"] == first
    browser.press("pool:*", "restart")
    browser.until("document.querySelector('#ask').open")
    assert browser.text("#ask-text") == "2 of 3 processes are up now. They stop, and all are started."
    browser.answer("yes")
    browser.pid("pool:pool_0", not_=first)
    browser.state("pool:pool_1", "running")


def test_a_stop_can_be_undone(site, browser):
    """It does not ask, so for some seconds it can be taken back."""
    master = site(program("web") + program("other"))
    browser.show(master.url)
    browser.state("web", "running")
    first = browser.pid("web")
    browser.press("web", "stop")
    browser.state("web", "stopped")
    assert "web was told to stop." in browser.text("#notes")
    browser.click(".undo")
    browser.state("web", "running")
    assert browser.pid("web", not_=first) == master.info("web")["pid"]
    browser.until("!document.querySelector('.undo')")


def test_there_is_nothing_to_undo_of_what_was_started_again(site, browser):
    """The offer goes with its reason; that of another stays."""
    master = site(program("web") + program("other"))
    browser.show(master.url)
    for name in ("web", "other"):
        browser.press(name, "stop")
        browser.state(name, "stopped")
    browser.until("document.querySelectorAll('.undo').length === 2")
    master.call("POST", "/v1/processes/web/start", {})
    browser.until("document.querySelectorAll('.undo').length === 1")
    assert browser.ask("document.querySelector('.undo').parentElement.dataset.undoes") == "other"


def test_what_is_folded_stays_folded(site, browser):
    """Also after a reload; and the log is as it was set up, too."""
    master = site(
        program("pool", numprocs=2, process_name="pool_%(process_num)d")
        + program("other", numprocs=2, process_name="%(process_num)d")
    )
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    browser.click("[data-spec='pool:*'] .fold")
    browser.show(master.url + "#log/pool:pool_0")
    browser.click("#wrap")
    browser.click("#tall")
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    assert browser.ask(f"{row('pool:pool_1')}.checkVisibility()") is False
    assert browser.ask(f"{row('other:1')}.checkVisibility()") is True
    for button, pressed in (("wrap", "false"), ("tall", "true")):
        assert browser.ask(f"document.querySelector('#{button}').getAttribute('aria-pressed')") == pressed
    assert browser.ask("document.querySelector('#lines').hasAttribute('data-wrap')") is False
    browser.click("[data-spec='pool:*'] .fold")
    browser.show(master.url)
    browser.state("pool:pool_1", "running")
    assert browser.ask(f"{row('pool:pool_1')}.checkVisibility()") is True


def test_all_are_stopped_only_when_that_was_meant(site, browser):
    """Stop all and restart all ask first; start all does not."""
    master = site(program("one") + program("two"))
    browser.show(master.url)
    browser.state("two", "running")
    pids = browser.pid("one"), browser.pid("two")
    browser.click(".bar [data-do=stop]")
    browser.until("document.querySelector('#ask').open")
    assert browser.ask("document.activeElement.textContent") == "Cancel"
    browser.answer("no")
    assert master.info("one")["pid"] == pids[0]
    browser.click(".bar [data-do=restart]")
    browser.answer("yes")
    for name, pid in zip(("one", "two"), pids, strict=True):
        browser.pid(name, not_=pid)
    browser.click(".bar [data-do=stop]")
    browser.answer("yes")
    for name in ("one", "two"):
        browser.state(name, "stopped")
    browser.click(".bar [data-do=start]")
    for name in ("one", "two"):
        browser.state(name, "running")


def test_logs_are_cleared_one_or_all(site, browser):
    """Clear empties the files, and asks first: nothing brings back what was in them."""
    master = site(program("one") + program("two"))
    for name in ("one", "two"):
        master.say(name, "before\n")
        next(master.follow(name))
    paths = {name: master.info(name)["stdout_logfile"] for name in ("one", "two")}
    browser.show(master.url + "#log/one")
    browser.until("document.querySelector('#lines').textContent === 'before'")
    browser.click("#clear")
    browser.answer("no")
    assert read(paths["one"]) == "before\n"
    browser.click("#clear")
    browser.until("document.querySelector('#ask').open")
    assert browser.text("#ask-title") == "Clear the logs of one?"
    browser.answer("yes")
    browser.until("document.querySelector('#lines').textContent === ''")
    assert read(paths["one"]) == ""
    assert read(paths["two"]) == "before\n"
    browser.click("#close")
    browser.from_menu("clear")
    browser.answer("yes")
    browser.until("document.querySelector('#notes').textContent.includes('All logs were cleared')")
    assert read(paths["two"]) == ""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_what_cannot_be_done_is_said_with_the_reason(site, browser):
    """The answer to an action is not lost."""
    master = site(MISSING)
    master.wait_for("gave up: missing")
    browser.show(master.url)
    browser.press("missing", "start")
    browser.until("document.querySelector('.note-card.bad')")
    assert browser.text(".note-card.bad") == "Cannot start missing: can't find command '/nonexistent/program'"


def test_procman_itself_is_shut_down_only_when_that_was_meant(site, browser):
    """It asks, ends, and the page says that it has ended."""
    master = site(program("web"))
    browser.may_say(NOBODY_ANSWERS)
    browser.show(master.url)
    browser.state("web", "running")
    browser.from_menu("shutdown")
    browser.answer("yes")
    assert master.to_the_end() == 0
    browser.until("document.querySelector('#banner .text').textContent.startsWith('procman was shut down at ')")


# ---- logs

AT_ITS_END = "$('lines').scrollHeight - $('lines').scrollTop - $('lines').clientHeight < 2"


def test_a_log_is_followed_as_it_grows(site, browser):
    """What is written is there at once, and markup in it is text."""
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
    assert browser.ask("document.querySelectorAll('#lines *').length") == 4
    assert "hacked" not in browser.driver.title


def test_a_line_without_an_end_is_seen_too(site, browser):
    """A prompt waits for somebody; its rest joins it."""
    code = "import sys\nfor line in sys.stdin: print(line.strip(), end='', flush=True)"
    master = site(program("prompt", python(code)))
    browser.show(master.url + "#log/prompt")
    master.say("prompt", "pass\n")
    browser.until("document.querySelector('#lines').textContent === 'pass'")
    master.say("prompt", "word:\n")
    browser.until("document.querySelector('#lines').textContent === 'password:'")
    assert len(browser.lines()) == 1


def test_both_channels_and_the_log_of_the_master(site, browser):
    """stdout, stderr, and what procman itself says."""
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


def test_of_a_failed_process_that_channel_is_shown_first_that_says_why(site, browser):
    """One click from the failure to its traceback."""
    master = site(program("bad", autorestart="false"))
    master.say("bad", "out\nerr why\nexit 1\n")
    browser.show(master.url)
    browser.until(f"{where('bad')} === 'Needs attention'")
    browser.click("[data-spec=bad] .name")
    browser.until("document.querySelector('#lines').textContent === 'err why'")
    browser.escape()
    browser.until("document.querySelector('#log').hidden")


@pytest.mark.parametrize(("file", "note"), [("AUTO", "Nothing was written yet"), ("idle.log", "has written nothing")])
def test_a_log_that_begins_later_is_followed_from_its_beginning(site, browser, tmp_path, file, note):
    """Of a process that never ran it is empty, or not there; it comes with the process."""
    path = file if file == "AUTO" else tmp_path / file
    master = site(program("idle", autostart="false", stdout_logfile=path))
    browser.may_say("404 (Not Found)")
    browser.show(master.url + "#log/idle")
    browser.until(f"document.querySelector('#log-note').textContent.includes('{note}')")
    browser.click("#log [data-do=start]")
    browser.until("document.querySelector('#log-state').textContent === 'running'")
    master.say("idle", "hello\n")
    browser.until("document.querySelector('#lines').textContent === 'hello'")


def test_a_flood_stays_bounded_and_ends_with_its_last_line(site, browser):
    """The page keeps the end of a log, and whoever reads further up is left alone."""
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
    assert browser.ask("document.querySelectorAll('#lines div').length <= LINES")
    assert browser.ask(AT_ITS_END)
    browser.driver.execute_script("$('lines').scrollTop = 0")
    browser.until("!document.querySelector('#newest').hidden")
    master.say("flood", "10\n")
    browser.until("[...$('lines').children].filter((line) => line.textContent === 'end').length === 2")
    assert browser.ask("$('lines').scrollTop") == 0
    browser.click("#newest")
    browser.until(f"$('newest').hidden && {AT_ITS_END}")


def test_a_window_of_another_size_goes_on_at_the_newest_line(site, browser):
    """As when a phone is turned: the lines wrap anew, and nobody has scrolled back."""
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
    assert browser.ask(f"$('newest').hidden && {AT_ITS_END}")


# ---- losing the master, and sharing the browser


def test_a_lost_master_is_unmistakable_and_its_return_needs_nobody(site, browser, tmp_path):
    """It says since when, offers nothing that cannot be done, and goes on by itself, logs included."""
    master = site(program("echo"))
    browser.may_say(NOBODY_ANSWERS)
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


def test_a_log_that_a_proxy_has_cut_goes_on(site, browser):
    """As nginx does after a minute of silence; whoever has scrolled back keeps the place, and goes on from the end."""
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


def test_a_reload_of_the_master_is_outlived(site, browser):
    """SIGHUP ends all connections; the page comes back to what the file says then."""
    master = site(program("old"))
    browser.may_say(NOBODY_ANSWERS)
    browser.show(master.url)
    browser.state("old", "running")
    master.write(f"[inet_http_server]\nport=localhost:{master.port}\n" + program("new"))
    master.signal(signal.SIGHUP)
    browser.state("new", "running")
    browser.until(f"!{row('old')} && document.body.dataset.link === 'live'")


def test_of_many_windows_only_those_in_sight_hold_connections(site, browser):
    """A browser has six for one server: the seventh must still open. Whoever comes back sees how things are."""
    master = site(program("api"))
    browser.show(master.url + "#log/api")
    browser.until("log.controller")
    browser.minimize()
    assert browser.ask("[Boolean(events.controller), Boolean(log.controller)]") == [True, True]  # it is the only one
    with browser.another_window(master.url) as switch:
        switch("first")
        browser.until("!events.controller && !log.controller")
        switch("other")
        browser.press("api", "stop")
        browser.state("api", "stopped")
    browser.restore()
    browser.state("api", "stopped")
    assert browser.ask("Boolean(events.controller)")


# ---- colours, sizes, keys


def test_it_is_as_dark_as_the_system_unless_somebody_chooses(site, browser):
    """The system's preference, its change, and a switch that is remembered."""
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
    """At least 4.5 to 1, with failures, a log, a message and a lost master on the screen."""
    master = site(ALL_STATES)
    browser.may_say(NOBODY_ANSWERS)
    master.wait_for("gave up: missing")
    browser.prefers(scheme)
    browser.show(master.url + "#log/api")
    browser.until(where("missing"))
    browser.press("missing", "start")
    browser.until("document.querySelector('.note-card.bad')")
    ratio, place = browser.ask(LOWEST_CONTRAST)
    assert ratio >= 4.5, place
    master.process.send_signal(signal.SIGTERM)
    browser.until("document.body.dataset.link === 'lost'")
    ratio, place = browser.ask(LOWEST_CONTRAST)
    assert ratio >= 4.5, place


def test_a_log_that_is_redirected_is_not_looked_for(site, browser):
    """There is one log for both channels; the console stays empty, as after each of these tests."""
    master = site(program("both", redirect_stderr="true", startsecs=1000, startretries=0))
    master.say("both", "err: no database\nexit 1\n")
    master.wait_for("gave up: both")
    for address in ("#log/both", "#log/both/stderr"):
        browser.show(master.url + address)
        browser.until("document.querySelector('#lines').textContent.includes('no database')")
        assert not browser.ask("document.querySelector('#channels').checkVisibility()")
        assert "stdout and stderr" in browser.text("#log-facts")


def test_a_log_that_is_not_there_yet_is_not_looked_for(site, browser):
    """As of what could not be spawned, or was not started, in a container; it begins with the process."""
    console = {"stdout_logfile": "/dev/stdout", "stdout_logfile_maxbytes": 0}
    master = site(
        program("missing", "/nonexistent/program", startretries=0, **console)
        + program("idle", autostart="false", **console)
    )
    master.wait_for("gave up: missing")
    for name in ("missing", "idle"):
        browser.show(master.url + f"#log/{name}")
        browser.until("document.querySelector('#log-note').textContent.startsWith('Nothing was written yet')")
    browser.press("idle", "start")
    browser.state("idle", "running")
    master.say("idle", "hello\n")
    browser.until("document.querySelector('#lines').textContent === 'hello'")


def test_on_a_phone_it_can_be_seen_how_to_open_a_log(site, browser):
    """A sign in each row, as on a desk."""
    master = site(program("web"))
    browser.size(360, 740)
    browser.show(master.url)
    browser.state("web", "running")
    browser.click("[data-spec=web] [data-log]")
    browser.until("document.querySelector('#log-title').textContent === 'web'")


def test_nothing_is_wider_than_a_phone(site, browser):
    """At 360 pixels nothing scrolls sideways, and what is pressed is large enough for a thumb."""
    master = site(ALL_STATES)
    master.wait_for("gave up: missing")
    browser.size(360, 740)
    browser.show(master.url)
    browser.until(where("missing"))
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
    assert browser.ask("$('lines').scrollWidth <= 360")
    assert browser.ask(small) == []


def test_all_of_it_can_be_done_with_the_keyboard(site, browser):
    """/ finds, Enter presses, Escape closes; a button keeps the focus when its process changes its place."""
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
    browser.until(f"{where('bad')} === 'Needs attention'")
    assert browser.ask("document.activeElement.getAttribute('aria-label')") == "Restart bad"
    browser.driver.execute_script("document.querySelector('[data-spec=bad] [data-do=start]').focus()")
    browser.key("\n")
    browser.until(f"{where('bad')} === 'Processes'")
    assert browser.ask("document.activeElement.getAttribute('aria-label')") == "Start bad"
    browser.driver.execute_script("document.querySelector('[data-spec=bad] .name').focus()")
    browser.key("\n")
    browser.until("document.activeElement.id === 'log-title'")
    browser.escape()
    browser.until("document.activeElement.textContent === 'bad'")


def test_every_button_has_a_name(site, browser):
    """For whoever listens to the page instead of looking at it; and what happens is said."""
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
    assert {"Stop api", "Restart api", "Start idle", "Stop all of pool…", "Close the log"} <= names
    master.say("api", "exit 1\n")
    browser.until(f"{row('api')}.querySelector('.restarts').textContent === '1 restart'")


def test_a_row_does_not_move_under_the_hand(site, browser):
    """While the pointer moves over the processes they stay in their places; only their words change."""
    master = site(program("api") + program("bad", autorestart="false"))
    browser.show(master.url)
    browser.state("bad", "running")
    browser.driver.execute_script("fleet.resting = performance.now() + 1e9")
    master.say("bad", "exit 1\n")
    browser.state("bad", "exited")
    assert browser.ask(where("bad")) == "Processes"
    assert browser.text("#kinds [data-kind=failed]") == "1 failed"
    browser.driver.execute_script("fleet.resting = 0; fleet.place(false)")
    assert browser.ask(where("bad")) == "Needs attention"


# ---- who may do what


def test_who_may_only_read_is_offered_nothing_else(site, browser):
    """No button that changes anything, wherever it is, and no link that does it; logs are read as ever."""
    users = "username=u\npassword=p\nreadonly_username=reader\nreadonly_password=r"
    master = site(ALL_STATES, server=users)
    browser.may_say("403 (Forbidden)")
    changing = "[...document.querySelectorAll('[data-do], #clear')].filter((e) => e.checkVisibility()).length"
    address = f"http://reader:r@localhost:{master.port}/"
    browser.show(address)
    browser.state("api", "running")
    assert browser.text("#readonly") == "read only"
    for width in (360, 1200):
        browser.size(width, 800)
        browser.click("#more")
        assert browser.ask(changing) == 0
        browser.click("#menu a")
        browser.until("document.querySelector('#lines').textContent.includes('success: api')")
        assert browser.ask(changing) == 0
        browser.escape()
        browser.until("document.querySelector('#log').hidden")
    browser.driver.execute_script("operate('stop', 'api')")
    browser.until("document.querySelector('.note-card.bad')")
    link = "fetch(BASE + 'index.html?action=stop&processname=api').then((answer) => done(answer.status))"
    assert browser.driver.execute_async_script(f"const [done] = arguments; {link}") == 403
    assert master.info("api")["statename"] == "RUNNING"


def test_the_policy_lets_nothing_else_run(site, browser):
    """A script that found its way into the page would not run there, nor speak to anybody else."""
    master = site(program("api"))
    browser.may_say("Content Security Policy", "Trusted")
    browser.show(master.url)
    browser.driver.execute_script(
        "const script = document.createElement('script');"
        "try { script.textContent = 'window.ran = true'; } catch { window.refused = true; }"
        "document.head.append(script);"
        "try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); } catch { window.refusedMarkup = true; }"
    )
    assert browser.ask("[window.ran, window.refusedMarkup]") == [None, True]


def test_a_name_and_a_password_in_the_address_work(site, browser):
    """As people write it: the page's own requests go on with what the browser knows."""
    master = site(program("api"), server="username=u\npassword=p")
    browser.open(f"http://u:p@localhost:{master.port}/#log/api")
    browser.until("document.body.dataset.link === 'live'")
    browser.state("api", "running")
    master.say("api", "hello\n")
    browser.until("document.querySelector('#lines').textContent === 'hello'")
    browser.press("api", "stop")
    browser.state("api", "stopped")


def test_an_old_bookmark_still_works(site, browser):
    """An address of supervisor's page does what it says, and the page says what that one would."""
    master = site(program("api"))
    browser.open(f"{master.url}index.html?processname=api&action=stop")
    browser.until("document.querySelector('#notes').textContent.includes('Process api stopped')")
    browser.state("api", "stopped")
    assert browser.ask("location.search") == ""


def test_a_link_that_nobody_can_vouch_for_is_asked_about(site, browser):
    """Over plain HTTP from elsewhere a browser does not say who asks; so the page asks the person."""
    master = site(program("api"), server="username=u\npassword=p")
    address = f"http://u:p@{ELSEWHERE}:{master.port}/"
    browser.open(f"{address}index.html?processname=api&action=stop")
    browser.answer("no")
    browser.state("api", "running")
    browser.open(f"{address}index.html?processname=api&action=stop")
    browser.answer("yes")
    browser.state("api", "stopped")


def test_a_message_in_the_address_is_text(site, browser):
    """Whoever makes such a link can put words there, and nothing else."""
    master = site(program("api"))
    browser.open(f"{master.url}?message=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    browser.until("document.querySelector('.note-card')")
    assert browser.text(".note-card") == "<img src=x onerror=alert(1)>"

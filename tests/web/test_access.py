"""Read-only accounts, passwords, links and the content security policy in a real browser."""

import hashlib

import pytest

from tests.support.browser import ALL_STATES, ELSEWHERE, program

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_read_only_account_is_offered_no_action(site, browser):
    """A read-only account sees no button that changes anything, and a request is refused; logs can be read."""
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
    browser.driver.execute_script("page.operations.operate('stop', 'api')")
    browser.until("document.querySelector('.note-card.bad')")
    link = "fetch(page.BASE + 'index.html?action=stop&processname=api').then((answer) => done(answer.status))"
    assert browser.driver.execute_async_script(f"const [done] = arguments; {link}") == 403
    assert master.info("api")["statename"] == "RUNNING"


def test_a_role_has_the_buttons_that_it_may_use(site, browser, tmp_path):
    """Programs that a role may operate have buttons, those that it only sees have none; hidden ones are not there."""
    tokens = tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"t0ken").hexdigest())
    sections = "".join(
        f"[access:{name}]\ntoken_file={tokens}\nallow={role}\nprograms={programs}\n"
        for name, role, programs in (("mine", "operate", "api"), ("see", "read", "idle"))
    )
    master = site(ALL_STATES + sections, server="access=roles")
    browser.show(f"http://anybody:t0ken@localhost:{master.port}/")
    browser.state("api", "running")
    shown = (
        "Object.fromEntries([...document.querySelectorAll('#processes [data-spec]:not([data-spec$=\":*\"])')].map("
        "(row) => [row.dataset.spec, [...row.querySelectorAll('[data-do]')].some((e) => e.checkVisibility())]))"
    )
    browser.until("document.querySelectorAll('[data-spec=idle]').length === 1")
    browser.size(1200, 800)
    assert browser.ask(shown) == {"api": True, "idle": False}
    browser.click("#more")
    assert not browser.ask("document.querySelector('[data-do=shutdown]').checkVisibility()")
    browser.escape()
    browser.press("api", "stop")
    browser.state("api", "stopped")


def test_what_a_role_may_not_read_is_not_offered(site, browser, tmp_path):
    """Whose role it is stands at the top; without the right to logs there is no link to one, and its view says why."""
    tokens = tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"t0ken").hexdigest())
    section = f"[access:see]\ntoken_file={tokens}\nallow=read\nprograms=api\n"
    master = site(program("api") + section, server="access=roles")
    browser.show(f"http://anybody:t0ken@localhost:{master.port}/")
    browser.state("api", "running")
    browser.until("document.querySelector('#whoami').textContent === 'a token: read'")
    browser.until("document.querySelector('[data-spec=api]').hasAttribute('data-no-logs')")
    assert not browser.find("[data-spec=api] [data-log]").is_displayed()
    browser.driver.execute_script("document.querySelector('[data-spec=api] .name').focus()")
    browser.key("S")
    assert browser.ask("document.querySelectorAll('.note-card').length") == 0
    browser.click("#more")
    assert not browser.find("#menu .own-log").is_displayed()
    browser.escape()
    browser.click("[data-spec=api] .name")
    browser.until("document.querySelector('#log-note').textContent === 'Your role may not read it.'")
    assert not browser.find("#views [data-view=log]").is_displayed()
    master.write(f"[inet_http_server]\nport=localhost:{master.port}\naccess=roles\n{section}" + program("api", nice=1))
    browser.click("#views [data-view=why]")
    browser.until("document.querySelector('#view-why h3')")
    browser.driver.execute_script("location.hash = '#update'")
    browser.until("document.querySelector('#view-update h3')")
    assert not browser.find("#view-update [data-key=apply]").is_displayed()


def test_the_policy_runs_no_other_script(site, browser):
    """A script or markup that found its way into the page has no effect."""
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
    """With a name and a password in its address, the page works, its requests included."""
    master = site(program("api"), server="username=u\npassword=p")
    browser.open(f"http://u:p@localhost:{master.port}/#log/api")
    browser.until("document.body.dataset.link === 'live'")
    browser.state("api", "running")
    master.say("api", "hello\n")
    browser.until("document.querySelector('#lines').textContent === 'hello'")
    browser.press("api", "stop")
    browser.state("api", "stopped")


def test_a_bookmark_of_supervisors_page_still_works(site, browser):
    """An address of supervisor's page carries out its action, and the page shows supervisor's message."""
    master = site(program("api"))
    browser.open(f"{master.url}index.html?processname=api&action=stop")
    browser.until("document.querySelector('#notes').textContent.includes('Process api stopped')")
    browser.state("api", "stopped")
    assert browser.ask("location.search") == ""


def test_an_action_of_unknown_origin_asks_first(site, browser):
    """Over plain HTTP from another machine the browser does not send the origin of a link, so the page asks."""
    master = site(program("api"), server="username=u\npassword=p")
    address = f"http://u:p@{ELSEWHERE}:{master.port}/"
    browser.open(f"{address}index.html?processname=api&action=stop")
    browser.answer("no")
    browser.state("api", "running")
    browser.open(f"{address}index.html?processname=api&action=stop")
    browser.answer("yes")
    browser.state("api", "stopped")


def test_a_message_in_the_address_is_text(site, browser):
    """A message in the address is shown as text, whatever markup it contains."""
    master = site(program("api"))
    browser.open(f"{master.url}?message=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    browser.until("document.querySelector('.note-card')")
    assert browser.text(".note-card") == "<img src=x onerror=alert(1)>"

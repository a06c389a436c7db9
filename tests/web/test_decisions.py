"""What somebody has to decide, in a real browser: rolling restarts, scale, what is out of date, what has drifted."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.browser import program, row

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Gets ready at once, or fails at once if there is a file "bad".
STARTS = "sh -c 'test -e {folder}/bad && exit 1; touch {folder}/r%(process_num)d; exec sleep 1000'"


def web(folder, **options):
    options = {"numprocs": 3, "startretries": 0, "ready_interval": "20ms"} | options
    ready = f"file:{folder}/r%(process_num)d"
    return program("web", STARTS.format(folder=folder), process_name="web_%(process_num)d", ready=ready, **options)


def test_a_rolling_restart_shows_where_it_is_and_is_decided_about(site, browser, tmp_path):
    """From the question about a restart; where it has stopped, the page says why, and continues or ends it."""
    master = site(web(tmp_path))
    browser.show(master.url)
    for number in range(3):
        browser.state(f"web:web_{number}", "running")
    (tmp_path / "bad").touch()
    browser.press("web:*", "restart")
    browser.until("document.querySelector('#ask').open")
    browser.answer("other")
    browser.until("document.querySelector('#waiting [data-stopped] [data-key=\"continue web\"]')")
    strip = browser.text("#waiting")
    assert strip.startswith("Rolling restart of web: ")
    assert "Why web:web_0?" in strip
    assert browser.ask("document.querySelector('#waiting progress').max") == 3
    browser.show(master.url + "#details/web:web_1")
    browser.until("document.querySelector('#view-details [data-key=\"continue web\"]')")
    assert "1 of 3" in browser.text("#view-details")
    (tmp_path / "bad").unlink()
    browser.click("#waiting [data-key='continue web']")
    browser.until("document.querySelector('#waiting').hidden")
    for number in range(3):
        browser.state(f"web:web_{number}", "running")


def test_a_rolling_restart_that_has_stopped_is_put_back(site, browser, tmp_path):
    """An update that restarts in turn stops at the first bad process, and the earlier definition comes back."""
    good = web(tmp_path, restart_strategy="rolling")
    master = site(good)
    browser.show(master.url)
    browser.state("web:web_2", "running")
    bad = good.replace("exec sleep 1000", "exec sleep 2000").replace("test -e", "exit 1; test -e")
    master.write(f"[inet_http_server]\nport=localhost:{master.port}\n{bad}")
    master.call("POST", "/v1/config/update", {"timeout": 5})
    browser.until("document.querySelector('#waiting [data-stopped] [data-key=\"abort web\"]')")
    browser.click("#waiting [data-key='abort web']")
    browser.answer("yes")
    browser.until("document.querySelector('#waiting').hidden")
    for number in range(3):
        browser.state(f"web:web_{number}", "running")
    settings = master.call("GET", "/v1/processes/web:web_0/config")["sections"][0]["settings"]
    assert any(one["option"] == "command" and "sleep 1000" in one["shown"] for one in settings)


def test_a_program_is_scaled(site, browser, tmp_path):
    """One more and one less at the head of its group and among its details; no further than numprocs_max."""
    master = site(web(tmp_path, numprocs_max=4))
    browser.show(master.url + "#details/web:web_0")
    browser.until("document.querySelector('[data-spec=\"web:*\"] .number')?.textContent === '3'")
    browser.click("[data-spec='web:*'] [data-key='+ web']")
    browser.state("web:web_3", "running")
    browser.until("document.querySelector('[data-spec=\"web:*\"] .number').textContent === '4*'")
    assert browser.ask('document.querySelector(\'[data-spec="web:*"] [data-key="+ web"]\').ariaDisabled') == "true"
    browser.until(
        "document.querySelector('#view-details').innerText.includes('scaled to 4, the file says 3; 4 at most')"
    )
    browser.click("#view-details [data-key^='\N{MINUS SIGN}']")
    browser.until(f"!{row('web:web_3')}")


def test_what_is_out_of_date_is_one_click_from_its_update(site, browser):
    """The page says how many changes the file has, marks their rows, and what of it could not be read."""
    pool = {"numprocs": 2, "process_name": "pool_%(process_num)d"}
    master = site(program("web", "sleep 1000") + program("old", "sleep 1000") + program("pool", "sleep 1000", **pool))
    browser.show(master.url)
    browser.state("web", "running")
    assert not browser.find("#outdated").is_displayed()
    head = f"[inet_http_server]\nport=localhost:{master.port}\n"
    changed = program("web", "sleep 2000") + program("new", "sleep 1000")
    master.write(head + changed + program("pool", "sleep 1000", **pool | {"numprocs": 4}))
    browser.driver.execute_script("page.outOfDate.start()")
    browser.until("document.querySelector('#outdated').textContent === '5 changes in the file'")
    assert browser.text("[data-spec=web] .outdated") == "changed in the file"
    assert browser.text("[data-spec=old] .outdated") == "not in the file"
    assert browser.text("[data-spec='pool:*'] .head .outdated") == "2 changes in the file"
    browser.driver.execute_script("page.processes.known.get('web').row.querySelector('.name').focus()")
    browser.key(Keys.RIGHT)
    browser.key(Keys.ENTER)
    browser.until("document.querySelector('#view-update h3')")
    browser.click("#view-update [data-key=apply]")
    browser.answer("yes")
    browser.state("new", "running")
    browser.until("document.querySelector('#outdated').hidden")
    browser.may_say("Failed to load resource")
    master.write(head + "[program:web]\nnonsense\n")
    browser.driver.execute_script("page.outOfDate.start()")
    browser.until("document.querySelector('#outdated').textContent === 'The file has an error'")


def test_an_update_that_waits_for_its_confirmation_is_seen_at_once(site, browser):
    """On the list, with the way to decide, whoever has applied it."""
    master = site(program("web", "sleep 1000"))
    browser.show(master.url)
    browser.state("web", "running")
    master.write(f"[inet_http_server]\nport=localhost:{master.port}\n" + program("web", "sleep 2000"))
    operation = master.call("POST", "/v1/config/update", {"confirm": 600, "timeout": 5})["operation"]
    browser.until(f"document.querySelector('#waiting').textContent.includes('Update {operation} ')")
    browser.click("#waiting [data-key=pending]")
    browser.until("document.querySelector('#view-update [data-key=keep]')")
    browser.click("#view-update [data-key=keep]")
    browser.until("document.querySelector('#waiting').hidden")


def test_the_options_say_where_they_were_set_and_details_what_has_drifted(site, browser, tmp_path):
    """With file and line, defaults apart; environment names with masked values; what a start now would give."""
    env = tmp_path / "web.env"
    env.write_text("COLOUR=red\n")
    master = site(
        program("web", "sleep 1000", environment='DB_PASSWORD="hunter2",LANG="C"', env_file=env, rlimit_core=0)
    )
    browser.show(master.url + "#options/web")
    browser.until("document.querySelector('#view-options tbody tr')")
    rows = "[...document.querySelector('#view-options tbody').rows].map((r) => [...r.cells].map((c) => c.innerText))"
    told = {name: (value, where) for name, value, where in browser.ask(rows)}
    line = master.file.read_text().splitlines().index("command=sleep 1000") + 1
    assert told["command"] == ("sleep 1000", f"{master.file}:{line}")
    assert told["environment LANG"][0] == "C"
    assert "hunter2" not in browser.text("#view-options")
    assert "environment DB_PASSWORD" in told
    browser.click("#view-options summary")
    browser.until("document.querySelector('#view-options details').open")
    assert "autorestart" in browser.text("#view-options details")
    env.write_text("COLOUR=blue\n")
    browser.click("#views [data-view=details]")
    browser.until("document.querySelector('#view-details h3')?.textContent.startsWith('Drifted')")
    assert "COLOUR" in browser.text("#view-details")
    assert "blue" not in browser.text("#view-details")

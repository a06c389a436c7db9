"""For the tests of the page: a master on a TCP port, and a browser that waits for changes in the page."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.running_master import RunningMaster, python

# Writes each line of its stdin to stdout, or a line with "err" to stderr; "exit N" or the end of its stdin ends it.
ECHO = python(
    "import sys\n"
    "for line in sys.stdin:\n"
    "    if line.startswith('exit'): sys.exit(int(line[5:]))\n"
    "    print(line, end='', file=sys.stderr if line.startswith('err') else sys.stdout, flush=True)"
)
# The browser's message when a master has ended, or a proxy has hung up.
NOBODY_ANSWERS = "Failed to load resource: net::ERR_"
IS_ENDING = "503 (Service Unavailable)"  # what a master answers while it ends
# Not a loopback name: over plain HTTP a browser sends it no Sec-Fetch headers.
ELSEWHERE = "procman.test"

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it refuses to run as root otherwise
    "--disable-dev-shm-usage",  # a container has 64 MB of it
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

# Evaluates the condition at every change of the page, without polling.
_UNTIL = """
const done = arguments[arguments.length - 1];
const look = () => {
  const found = (() => { try { return %s; } catch { return null; } })();
  if (!found) return;
  observer.disconnect();
  done(found);
};
const observer = new MutationObserver(look);
observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
look();
"""

# Gives tests what the modules of the page export, as `page`: none of it is global.
_EXPOSE = """
const [done] = arguments;
const modules = [...document.querySelectorAll('link[rel=modulepreload], script[type=module]')];
Promise.all(modules.map((module) => import(module.href ?? module.src))).then((all) => {
  window.page = Object.assign({}, ...all);
  done();
});
"""


def program(name: str, command: str = ECHO, **options: object) -> str:
    options.setdefault("startsecs", 0)
    return f"[program:{name}]\ncommand={command}\n" + "".join(f"{key}={value}\n" for key, value in options.items())


MISSING = program("missing", "/nonexistent/program", startretries=0)
ALL_STATES = (
    program("api")
    + MISSING
    + program("idle", autostart="false")
    + program("pool", numprocs=3, process_name="pool_%(process_num)d")
    + program("with-a-name-as-long-as-some-people-give-their-programs-when-nobody-stops-them")
)


class Site(RunningMaster):
    """A master whose page is at `url`."""

    def __init__(self, folder: Path, programs: str, *, server: str = "", **options: Any) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}/"
        super().__init__(folder, f"[inet_http_server]\nport=localhost:{self.port}\n{server}\n{programs}", **options)
        self.wait_for("procman started")

    def say(self, name: str, text: str) -> None:
        """Write to a program's stdin, once it has been started."""
        self.wait_for(f"spawned: '{name}'")
        super().say(name, text)


class Cutter:
    """A proxy with a port of its own that passes everything on, and can cut followed logs."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._followed: list[socket.socket] = []
        self._sockets = [self._server]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets:
            _hang_up(sock)
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def cut(self) -> None:
        """Close the connection of every followed log in the middle."""
        while self._followed:
            _hang_up(self._followed.pop())

    def _start(self, target: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near = self._server.accept()[0]
                far = socket.create_connection(("localhost", self._behind))
                self._sockets += near, far
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if b"?follow=1" in data:
                    self._followed.append(source)
                target.sendall(data)
        _hang_up(target)


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class Browser:
    """One chromium; commands go to its front tab."""

    def __init__(self, profile: str) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        # Both by their paths: Selenium must not download others.
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(PATIENCE)
        self.driver.set_page_load_timeout(PATIENCE)
        self._expected: tuple[str, ...] = ()

    def quit(self) -> None:
        self.driver.quit()

    def fresh(self) -> None:
        """Open an empty tab of desktop size with the light colour scheme."""
        self.driver.switch_to.new_window("tab")
        self.driver.set_window_rect(0, 0, 1200, 900)  # a test that failed may have left it minimized
        self.size(1200, 900)
        self.prefers("light")
        self._expected = ()
        self._console()

    def leave(self) -> list[str]:
        """Close all tabs but an empty one; return console messages that no test expects.

        The console is read after all pages are closed: until then, another message can arrive.
        """
        self.driver.get("about:blank")
        *others, last = self.driver.window_handles
        for handle in others:
            self.driver.switch_to.window(handle)
            self.driver.close()
        self.driver.switch_to.window(last)
        self.driver.get("about:blank")
        return [message for message in self._console() if not any(part in message for part in self._expected)]

    def may_say(self, *parts: str) -> None:
        """Accept console messages with one of these texts; whether they come depends on timing."""
        self._expected = parts

    # ---- its environment

    def size(self, width: int, height: int) -> None:
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefers(self, scheme: str) -> None:
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def cdp(self, command: str, **parameters: object) -> dict:
        return self.driver.execute_cdp_cmd(command, parameters)

    # ---- what it shows

    def open(self, url: str) -> None:
        self.driver.get(url)

    def show(self, url: str) -> None:
        """Open the page, and wait until it is connected."""
        self.open(url)
        self.until("document.body.dataset.link === 'live'")
        self.driver.execute_async_script(_EXPOSE)

    def ask(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression};")

    def until(self, condition: str) -> Any:
        """Wait until the condition is truthy in the page; return its value."""
        try:
            return self.driver.execute_async_script(_UNTIL % condition)
        except TimeoutException:
            text = self.ask("document.body.innerText")
            raise AssertionError(f"never true: {condition}\nThe page at the end:\n{text}") from None

    def state(self, name: str, state: str) -> None:
        """Wait until the page shows a process in that state."""
        self.until(f"{row(name)}.querySelector('.state').textContent === {json.dumps(state)}")

    def pid(self, name: str, *, not_: int = 0) -> int:
        """Wait until the page shows a pid for the process, another one than `not_`."""
        shown = f"Number({row(name)}.querySelector('.detail .text').textContent.match(/pid (\\d+)/)[1])"
        return self.until(f"{shown} !== {not_} && {shown}")

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def find(self, selector: str) -> WebElement:
        """The first element that matches, once there is one."""
        self.until(f"document.querySelector({json.dumps(selector)})")
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def lines(self) -> list[str]:
        return self.ask("[...document.querySelectorAll('#lines div')].map((line) => line.textContent)")

    def _console(self) -> list[str]:
        """Console messages since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    # ---- pointer and keys

    def click(self, selector: str) -> None:
        """Click as a user would: elements that are covered, hidden or outside the window cannot be clicked."""
        while True:
            element = self.find(selector)
            try:
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                element.click()
            except StaleElementReferenceException:  # drawn anew meanwhile, as a user would not notice
                continue
            return

    def press(self, name: str, op: str) -> None:
        """Press a button of a process or of a group."""
        self.click(f"[data-spec='{name}'] [data-do={op}]:not([aria-disabled])")

    def from_menu(self, op: str) -> None:
        self.click("#more")
        self.click(f"#menu [data-do={op}]")

    def answer(self, value: str) -> None:
        """Answer the question that the page asks."""
        self.until("document.querySelector('#ask').open")
        self.click(f"#ask [value={value}]")

    def type(self, selector: str, text: str) -> None:
        self.find(selector).send_keys(text)

    def key(self, text: str) -> None:
        self.driver.switch_to.active_element.send_keys(text)

    def escape(self) -> None:
        self.key(Keys.ESCAPE)

    # ---- several windows

    def minimize(self) -> None:
        self.driver.minimize_window()
        self._until_hidden(hidden=True)

    def restore(self) -> None:
        self.driver.set_window_rect(0, 0, 1200, 900)
        self._until_hidden(hidden=False)

    def _until_hidden(self, *, hidden: bool) -> None:
        self.driver.execute_async_script(
            "const [hidden, done] = arguments;"
            "const look = () => document.hidden === hidden && done();"
            "document.addEventListener('visibilitychange', look);"
            "look();",
            hidden,
        )

    @contextmanager
    def another_window(self, url: str) -> Iterator[Callable[[str], None]]:
        """A second window for the length of the block; gives functions to look into the "first" and the "other" one."""
        windows = {"first": self.driver.current_window_handle}
        self.driver.switch_to.new_window("window")
        windows["other"] = self.driver.current_window_handle
        self.show(url)
        try:
            yield lambda name: self.driver.switch_to.window(windows[name])
        finally:
            self.driver.switch_to.window(windows["other"])
            self.driver.close()
            self.driver.switch_to.window(windows["first"])


def row(name: str) -> str:
    """The row of a process, as a JavaScript expression."""
    return f"document.querySelector('.row[data-spec={json.dumps(name)}]')"


def section(name: str) -> str:
    """The heading of the section in which a process is listed, as an expression."""
    return f"{row(name)}.closest('section').querySelector('h2').textContent"

"""Makes the pictures of the web page: `python docs/pictures/page.py [NAME…]` writes page-NAME.webp beside this file.

It needs chromium and the test extra. Each scene is a real master with small programs that behave as their names say.
"""

import base64
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.support.browser import Browser, Site, row  # noqa: E402 - found by the line above

DESKTOP, PHONE = (1280, 860), (390, 844)

# What an hour of looking would have shown: the charts of a page that has just been opened are empty.
AN_HOUR = """
const { figures, processes } = page;
figures.stop();
figures.series.clear();
figures.began = figures.count = 0;
const names = [...processes.known.values()].filter(({ info }) => info.pid).map(({ info }) => info);
const [seconds, memory] = [new Map(), new Map()];
const now = Date.now();
let seed = 7;
const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
for (let sample = 0; sample < 350; sample++) {
  const time = now - (350 - sample) * 10_000;
  figures.take(names.map((info, place) => {
    const busy = { worker: 70, api: 22 }[info.namespec] ?? 2 + (place % 5);
    const wave = 1 + 0.5 * Math.sin(sample / (17 + (place % 7))) + 0.5 * chance();
    seconds.set(info.namespec, (seconds.get(info.namespec) ?? 0) + (busy * wave) / 20);
    const grown = (memory.get(info.namespec) ?? 30 + (place * 13) % 60) + (chance() - 0.47) * 1.5;
    memory.set(info.namespec, grown);
    const [cpu, rss] = [seconds.get(info.namespec), Math.max(9, grown) * 1048576];
    return { namespec: info.namespec, pid: info.pid, cpu, rss, processes: 1 };
  }), time);
}
"""

SERVER = (
    """sh -c 'echo "\\033[32mINFO\\033[0m  listening on 127.0.0.1:8000"; n=0; while :; do n=$((n+1)); """
    """echo "$(date +%%H:%%M:%%S) \\033[32mINFO\\033[0m  GET /items/$n 200 $((n %% 40 + 3)) ms"; sleep 1; done'"""
)
NUMBERED = "%(program_name)s_%(process_num)02d"
BUSY = "sh -c 'while :; do i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; echo batch done; sleep 0.4; done'"
BROKEN = (
    "sh -c 'echo connecting to mail.internal:25; "
    """echo "error: connection refused by mail.internal:25" >&2; exit 3'"""
)


def program(name: str, command: str, **options: object) -> str:
    """A section of the file."""
    if options.get("type") != "oneshot":
        options.setdefault("startsecs", 0)
    return f"[program:{name}]\ncommand={command}\n" + "".join(f"{key}={value}\n" for key, value in options.items())


DATABASE = program(
    "database", "sh -c 'touch %(here)s/accepts; exec sleep 100000'", ready="file:%(here)s/accepts", pre_start="-true"
)
FIVE = (
    DATABASE
    + program("api", SERVER, depends_on="database@ready", health="exec:true", health_interval="2s", numprocs_max=4)
    + program("worker", BUSY, depends_on="database@ready")
    + program("nightly", "true", schedule="0 2 * * *", schedule_tz="UTC", type="oneshot")
    + program("mailer", BROKEN, startsecs=1, startretries=1, depends_on="api")
)


def sixty() -> str:
    """Groups of workers, and two programs that have failed."""
    queues = "".join(
        program(queue, "sleep 100000", numprocs=count, process_name=NUMBERED, depends_on="database")
        for queue, count in (("images", 12), ("invoices", 8), ("search", 16), ("thumbnails", 12), ("uploads", 4))
    )
    fails = "sh -c 'sleep 0.3; echo \"Traceback: KeyError: sku\" >&2; exit 1'"
    flap = program("importer", fails, restart_limit="3/10m")
    return FIVE + queues + flap + program("legacy", "sleep 100000", autostart="false")


def thousand() -> str:
    """Fifteen groups of 66, and a few others."""
    pools = "".join(
        program(f"pool-{letter}", "sleep 100000", numprocs=66, process_name=NUMBERED) for letter in "abcdefghijklmno"
    )
    return FIVE + pools + program("importer", BROKEN, startsecs=1, startretries=0)


@dataclass(frozen=True)
class Picture:
    """One picture of a scene."""

    name: str
    view: str = ""  # as in the address
    size: tuple[int, int] = DESKTOP
    dark: bool = False
    ready: str = "true"  # an expression that holds when it can be taken
    act: Callable[[Browser, Site], None] | None = None  # what is done before it


def change_file(browser: Browser, master: Site) -> None:
    """Somebody has changed the file: the page finds out when it asks next."""
    text = master.file.read_text()
    text = text.replace("numprocs=4\n", "numprocs=6\n").replace("[program:worker]", "[program:worker]\nnice=5")
    master.file.write_text(text)
    browser.driver.execute_script("page.outOfDate.start()")
    browser.until("!document.querySelector('#outdated').hidden")


def plan(browser: Browser, master: Site) -> None:
    """What an update would do."""
    change_file(browser, master)
    browser.click("#outdated")


def mark(browser: Browser, _: Site) -> None:
    """Two rows are marked."""
    rows = "['api', 'worker'].map((name) => page.processes.known.get(name).row)"
    browser.driver.execute_script(f"for (const row of {rows}) page.marked.toggle(row)")


def search(browser: Browser, _: Site) -> None:
    """Something is searched in the log."""
    browser.until("document.querySelectorAll('#lines > div').length > 3")
    browser.type("#find", "items/2\n")


def keys(browser: Browser, _: Site) -> None:
    """The sheet of keys is open."""
    browser.driver.execute_script("document.querySelector('#keys').showModal()")


SCENES: list[tuple[Callable[[], str], list[Picture]]] = [
    (
        lambda: FIVE,
        [
            Picture("5"),
            Picture("5-dark", dark=True),
            Picture("5-phone", size=PHONE),
            Picture("marked", act=mark),
            Picture("keys", act=keys),
            Picture("log", "#log/api", act=search),
            Picture("log-phone", "#log/api", size=PHONE, act=search),
            Picture("why", "#why/mailer", ready="document.querySelector('#view-why h3')"),
            Picture("history", "#history/mailer", dark=True, ready="document.querySelector('#view-history tr')"),
            Picture("usage", "#usage/worker", ready="document.querySelector('#view-usage figure')"),
            Picture("details", "#details/nightly", ready="document.querySelector('#view-details h3')"),
            Picture("options", "#options/database", ready="document.querySelector('#view-options tr')"),
            Picture("graph", "#graph", ready="document.querySelector('svg.graph')"),
            Picture("events", "#events", dark=True, ready="document.querySelector('.record')"),
        ],
    ),
    (
        sixty,
        [
            Picture("60"),
            Picture("60-dark", dark=True),
            Picture("60-phone", size=PHONE),
            Picture("outdated", act=change_file),
            Picture("update", act=plan, ready="document.querySelector('#view-update h3')"),
        ],
    ),
    (thousand, [Picture("1000"), Picture("1000-dark", dark=True), Picture("1000-phone", size=PHONE)]),
]


@contextmanager
def site(programs: str) -> Iterator[Site]:
    """A master with these programs."""
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        one = Site(Path(folder), programs)
        try:
            yield one
        finally:
            one.close()


def take(browser: Browser, master: Site, picture: Picture) -> None:
    """One picture."""
    browser.size(*picture.size)
    browser.prefers("dark" if picture.dark else "light")
    browser.open("about:blank")
    browser.show(master.url + picture.view)
    browser.until(f"{row('api')}.dataset.state === 'RUNNING' && {row('mailer')}.dataset.state === 'FATAL'")
    browser.driver.execute_script(AN_HOUR)
    if picture.act is not None:
        picture.act(browser, master)
    browser.until(picture.ready)
    browser.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    content = browser.cdp("Page.captureScreenshot", format="webp", quality=85)["data"]
    (HERE / f"page-{picture.name}.webp").write_bytes(base64.b64decode(content))
    print(f"page-{picture.name}.webp")


def main(names: list[str]) -> None:
    """All pictures, or those of these names."""
    with tempfile.TemporaryDirectory(prefix="pm") as profile:
        browser = Browser(profile)
        try:
            for programs, pictures in SCENES:
                wanted = [picture for picture in pictures if not names or picture.name in names]
                if not wanted:
                    continue
                with site(programs()) as master:
                    master.wait_for("gave up: mailer")
                    for picture in wanted:
                        take(browser, master, picture)
        finally:
            browser.quit()


if __name__ == "__main__":
    main(sys.argv[1:])

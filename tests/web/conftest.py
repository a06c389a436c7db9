"""A master that listens on TCP, and a real browser for its page."""

import os
import shutil
import tempfile

import pytest

from tests.support.browser import Browser, Site

NEEDED = ("chromium", "chromedriver")


@pytest.fixture
def site(tmp_path):
    """Start a master with these programs that listens on TCP: `site(programs)`."""
    sites = []

    def start(programs, **options):
        sites.append(Site(tmp_path, programs, **options))
        return sites[-1]

    yield start
    for one in reversed(sites):
        one.close()


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests of a worker: each test has its own site, and so its own storage and cache."""
    missing = [command for command in NEEDED if shutil.which(command) is None]
    if missing:
        text = f"no {' and no '.join(missing)}: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    with tempfile.TemporaryDirectory(prefix="pm") as profile:
        browser = Browser(profile)
        yield browser
        browser.quit()


@pytest.fixture
def browser(chromium):
    """An empty tab; the test fails if the console has a message that it did not allow with `may_say`."""
    chromium.fresh()
    yield chromium
    assert chromium.leave() == []

"""The files of the page, and what a browser is told with them."""

import asyncio
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from procman.http.messages import Request
from procman.http.router import Router
from procman.web.page import Page

ROOT = Path(__file__).parents[2]
FILES = ROOT / "procman" / "web"
PATHS = ("/", "/page.css", "/page.js")


def ask(path, method="GET", **headers):
    page, router = Page(), Router()
    page.add_to(router)
    router.add("GET", "/", page.index, role="read")
    return asyncio.run(router(Request.of(method, path, headers=headers)))


@pytest.mark.parametrize("path", PATHS)
def test_each_file_has_its_type_and_the_policy(path):
    """Nothing but this server, nothing inline, no frames; and no guessing at types."""
    answer = ask(path)
    headers = dict(answer.headers)
    assert answer.status == 200
    kinds = {"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript"}
    assert answer.content_type == f"{kinds[path]}; charset=utf-8"
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_has_it_gets_no_second_copy(path):
    """It asks each time, and is told by the hash that what it has is right."""
    tag = dict(ask(path).headers)["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = ask(path, **{"if-none-match": known})
        assert (answer.status, answer.body) == (304, b"")
        assert dict(answer.headers)["ETag"] == tag
    assert ask(path, **{"if-none-match": '"other"'}).status == 200


def test_the_document_asks_for_nothing_from_elsewhere_and_has_nothing_inline():
    """What the policy would refuse is not there in the first place."""
    document = (FILES / "index.html").read_text()
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", document) == []
    loaded = re.findall(r"""(?:src|href)=["']([^"'#]+)["']""", document)
    assert sorted(loaded) == ["data:,", "page.css", "page.js"]
    for name in ("page.css", "page.js"):
        text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", (FILES / name).read_text(), flags=re.DOTALL | re.MULTILINE)
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text) == []


def test_the_script_makes_no_markup_of_a_text():
    """Neither by the front door nor by one of the others."""
    script = (FILES / "page.js").read_text()
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script) == []


def test_every_id_that_the_script_asks_for_is_in_the_document():
    """A typing error in one of them would be found only by whoever presses that button."""
    asked = set(re.findall(r'\$\("([\w-]+)"\)', (FILES / "page.js").read_text()))
    there = set(re.findall(r'\sid="([\w-]+)"', (FILES / "index.html").read_text()))
    assert asked <= there


def test_the_files_are_installed_with_the_package():
    """What is not in package-data would be missing everywhere but here."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["procman"]
    for file in FILES.iterdir():
        if file.is_file() and file.suffix != ".py":
            assert any(fnmatch(f"web/{file.name}", pattern) for pattern in patterns), file.name


def test_a_master_that_nobody_looks_at_does_without_them():
    """The page costs nothing until somebody opens it."""
    code = (
        "import sys, procman.daemon.bootstrap;"
        "print([m for m in sys.modules if m in ('procman.web.page', 'procman.api.web_forms')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"

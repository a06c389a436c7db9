"""The files of the status page, and the headers that they are served with."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from procman.http.messages import Request
from procman.http.router import Router
from procman.web.page import Page, _edition, _File

ROOT = Path(__file__).parents[2]
WEB = ROOT / "procman" / "web"
STATIC = sorted(path for path in (WEB / "static").iterdir())
SCRIPTS = [path for path in STATIC if path.suffix == ".js"]
LINK = re.compile(r"""(?:src|href)=["']static/(\w+)/([^"'#]+)["']""")
TYPES = {"": "text/html", ".css": "text/css", ".js": "text/javascript"}


def ask(path, method="GET", **headers):
    page, router = Page(), Router()
    page.add_to(router)
    router.add("GET", "/", page.index, needs="read")
    return asyncio.run(router(Request.of(method, path, headers=headers)))


@pytest.fixture(scope="module")
def document():
    return ask("/").body.decode()


@pytest.fixture(scope="module")
def edition(document):
    """The name that all files of the document share."""
    (found,) = {link[1] for link in LINK.finditer(document)}
    return found


@pytest.fixture(params=["/", *(path.name for path in STATIC)])
def path(request, edition):
    """The document, and each file at the address that the document has for it."""
    return request.param if request.param == "/" else f"/static/{edition}/{request.param}"


def test_each_file_has_its_type_and_the_policy(path):
    """Browsers load from this server only, nothing inline, show the page in no frame, and guess no types."""
    answer = ask(path)
    headers = dict(answer.headers)
    assert answer.status == 200
    assert answer.content_type == f"{TYPES[Path(path).suffix]}; charset=utf-8"
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("no-cache" if path == "/" else "max-age=31536000, immutable")


def test_a_file_that_the_browser_has_is_not_sent_again(path):
    """A browser that asks for a file again gets a 304 where its hash is still right."""
    tag = dict(ask(path).headers)["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = ask(path, **{"if-none-match": known})
        assert (answer.status, answer.body) == (304, b"")
        assert dict(answer.headers)["ETag"] == tag
    assert ask(path, **{"if-none-match": '"other"'}).status == 200


def test_a_file_is_found_without_its_edition_and_then_revalidated():
    """Supervisor's pages have the style at a plain address, which browsers ask for at each visit."""
    assert dict(ask("/static/page.css").headers)["Cache-Control"] == "no-cache"


def test_another_edition_is_not_there():
    """A document of an earlier master never gets the scripts of this one."""
    assert ask("/static/0123456789abcdef/main.js").status == 404


def test_a_changed_file_changes_the_edition():
    """A browser that keeps the files for good asks for all of them after an update."""
    before = {"main.js": _File.of(b"1", ""), "page.css": _File.of(b"2", "")}
    assert _edition(before) == _edition(dict(before))
    assert _edition(before) != _edition({**before, "main.js": _File.of(b"3", "")})


@pytest.mark.parametrize("name", ["page.py", "..%2Fpage.py", "index.html", "nothing.js"])
def test_no_other_file_is_served(name, edition):
    """Only the files of the folder `static` are there."""
    assert ask(f"/static/{name}").status == 404
    assert ask(f"/static/{edition}/{name}").status == 404


def test_the_document_loads_its_own_files_only_and_has_nothing_inline(document, edition):
    """The page contains nothing that its policy would refuse."""
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", document) == []
    loaded = re.findall(r"""(?:src|href)=["']([^"'#]+)["']""", document)
    assert sorted(loaded) == ["data:,", *(f"static/{edition}/{path.name}" for path in STATIC)]
    for path in STATIC:
        text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text) == []


def test_every_module_is_preloaded_and_used(document):
    """The browser fetches all modules at once, and main.js imports each of them, directly or not."""
    preloaded = set(re.findall(r'<link rel="modulepreload" href="static/\w+/([^"]+)">', document))
    used, found = {"main.js"}, ["main.js"]
    while found:
        imports = re.findall(
            r'^import .* from "\./([^"/]+)";$', (WEB / "static" / found.pop()).read_text(), re.MULTILINE
        )
        found += set(imports) - used
        used |= set(imports)
    assert used == preloaded | {"main.js"}
    assert used == {path.name for path in SCRIPTS} - {"initial-theme.js"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_turns_a_text_into_markup(path):
    """No script uses an interface that parses or evaluates a text."""
    pattern = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert re.findall(pattern, path.read_text()) == []


def test_every_id_that_a_script_looks_up_is_in_the_document(document):
    """A misspelt id would fail only when its part of the page is used."""
    asked = {name for path in SCRIPTS for name in re.findall(r'\$\("([\w-]+)"\)', path.read_text())}
    assert asked <= set(re.findall(r'\sid="([\w-]+)"', document))


def test_the_page_is_loaded_when_it_is_first_opened():
    """A master whose page is never opened does not import it."""
    code = (
        "import sys, procman.daemon.routes;"
        "print([m for m in sys.modules if m in ('procman.web.page', 'procman.api.web_forms')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"

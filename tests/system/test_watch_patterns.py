"""Which files an item of watch means, and which are ignored."""

import pytest

from procman.system.watch_patterns import Watched

HERE = "/srv/app"


def meant(watch, path, ignore=(), never=()):
    return Watched(HERE, watch, ignore, never).matches(f"{HERE}/{path}" if path[0] != "/" else path)


@pytest.mark.parametrize(
    ("item", "yes", "no"),
    [
        ("app.py", ["app.py"], ["src/app.py", "app.pyc", "app.py.bak"]),
        ("conf/", ["conf/a", "conf/b/c.yml"], ["config/a", "a"]),
        ("conf", ["conf/a", "conf/b/c.yml", "conf"], ["config"]),
        (".", ["a", "b/c"], ["/srv/other/a"]),
        ("src/**/*.py", ["src/a.py", "src/b/c/d.py"], ["a.py", "src/a.pyc", "srcs/a.py"]),
        ("src/*.py", ["src/a.py"], ["src/b/a.py"]),
        ("*.py", ["a.py", "b/c.py"], ["a.pyc", "/srv/b.py"]),
        ("./*.py", ["a.py"], ["b/c.py"]),
        ("/etc/app/*.conf", ["/etc/app/a.conf"], ["/etc/app/b/a.conf", "etc/app/a.conf"]),
        ("src/**", ["src/a", "src/b/c"], ["a"]),
        ("a?.[ch]", ["ab.c", "x/ab.h"], ["a.c", "ab.o", "a/.c"]),
        ("a.[!o]", ["a.c"], ["a.o"]),
        ("../lib/", ["/srv/lib/x"], ["lib/x"]),
        ("a+b(1).txt", ["a+b(1).txt"], ["aab1.txt"]),
    ],
)
def test_a_pattern_means_these_files_and_no_others(item, yes, no):
    """Relative to the directory, with ** for any number of folders."""
    assert [path for path in yes if not meant([item], path)] == []
    assert [path for path in no if meant([item], path)] == []


@pytest.mark.parametrize(
    "path",
    [
        "src/.git/HEAD",
        "src/node_modules/x/index.js",
        "src/__pycache__/a.pyc",
        "src/.a.py.swp",
        "src/4913",
        "src/a.py~",
        "src/.#a.py",
        "src/#a.py#",
    ],
)
def test_what_tools_and_editors_make_is_ignored(path):
    """Unless it is named."""
    assert not meant(["src/"], path)


def test_what_is_named_is_not_ignored():
    """And a folder above the pattern is not looked at."""
    assert meant(["dist/*.js"], "dist/a.js")
    assert meant([".git/HEAD"], ".git/HEAD")
    assert not meant(["dist/"], "dist/node_modules/x")
    assert Watched("/build/app", ["src/"]).matches("/build/app/src/a")


@pytest.mark.parametrize(
    ("ignore", "yes", "no"),
    [
        ("*_test.py", ["src/a_test.py", "src/b/a_test.py"], ["src/a.py"]),
        ("cache", ["src/cache/x", "src/b/cache/c/d"], ["src/cached"]),
        ("src/cache/", ["src/cache/x", "src/cache/a/b"], ["src/b/cache/x"]),
        ("src/**/*.min.js", ["src/a.min.js", "src/b/c.min.js"], ["src/a.js"]),
        ("src/gen/**", ["src/gen/a", "src/gen/b/c"], ["src/a"]),
    ],
)
def test_what_is_to_be_ignored_is(ignore, yes, no):
    """With a / by the path, else by each name in it; a folder with all below."""
    assert [path for path in yes if meant(["src/"], path, [ignore])] == []
    assert [path for path in no if not meant(["src/"], path, [ignore])] == []


def test_what_procman_writes_never_counts():
    """Its logs with what they are rotated to, and folders of its own; also where they are named."""
    never = [f"{HERE}/src/web.log", f"{HERE}/src/reports"]
    for path in ("src/web.log", "src/web.log.1", "src/web.log.2.gz", "src/web.log.2026-11-30", "src/reports/x/y"):
        assert not meant(["src/", "src/web.log"], path, (), never)
    assert meant(["src/"], "src/web.logs", (), never)

"""The helper process that watches, as the master has it: jobs in, changes out."""

import json
import os
import select
import subprocess
import sys
import time
import zlib

import pytest

from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT


class Helper:
    """The helper, and what it answers."""

    def __init__(self, before="", wrapper=()):
        code = f"{before}import procman.watcher.watch as m; m.main()"
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._rest = b""

    def job(self, folder, watch, number=7, since=None, never=(), **more):
        one = {"id": number, "directory": str(folder), "watch": watch, "ignore": [], **more}
        job = {"watches": [{**one, "since": time.time() if since is None else since}], "never": list(never)}
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._rest:
            assert select.select([self.process.stdout], [], [], deadline - time.monotonic())[0], "no answer"
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, "the helper has ended"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.process.stdout.close()


def test_it_tells_what_has_changed_and_ends_with_its_master(tmp_path):
    """A new folder is watched, too, and its own logs are not; another job takes the place of the first."""
    (tmp_path / "src").mkdir()
    app, log = tmp_path / "src" / "app.py", tmp_path / "src" / "web.log"
    app.write_text("1")
    with Helper() as helper:
        helper.job(tmp_path, ["src/"], since=time.time() + 60, never=[str(log)])
        assert helper.answer() == {"watching": [7], "folders": 1}
        log.write_text("own")
        app.chmod(0o600)
        with open(app, "ab") as file:  # in one step: of two, each might be told
            file.write(b"2")
        told = helper.answer()
        assert told.pop("time") == pytest.approx(time.time(), abs=60)
        assert told == {"changed": 7, "first": "src/app.py", "files": [zlib.crc32(os.fsencode(app))], "count": 1}
        new = tmp_path / "src" / "new"
        new.mkdir()
        assert helper.answer() == {"watching": [7], "folders": 2}
        (tmp_path / "x").write_text("1")
        (tmp_path / "x").rename(new / "x")
        assert helper.answer()["first"] == "src/new/x"
        helper.job(tmp_path, ["other"], number=8)
        assert helper.answer() == {"watching": [8], "folders": 1}
        (tmp_path / "other").write_text("1")
        assert helper.answer()["changed"] == 8


def test_what_has_changed_before_it_watches_is_told(tmp_path):
    """While there was no helper, as the master executed other code."""
    (tmp_path / "a").write_text("1")
    with Helper() as helper:
        helper.job(tmp_path, ["a"], since=time.time() - 60)
        assert [helper.answer().get("first"), helper.answer().get("watching")] == ["a", [7]]


def test_without_the_library_it_says_how_to_get_it():
    """And goes on, for the next job."""
    with Helper("import sys; sys.modules['watchfiles'] = None; ") as helper:
        helper.job("/", ["a"])
        assert helper.answer() == {
            "failed": 7,
            "words": "the library watchfiles is not installed: pip install 'procman[watch]'",
        }


def at_most(watches):
    """A wrapper in which the kernel allows no more watches of inotify than that."""
    enter = f'echo {watches} > /proc/sys/user/max_inotify_watches || exit 9; exec "$@"'
    wrapper = ("unshare", "-Ur", "sh", "-c", enter, "sh")
    if subprocess.run([*wrapper, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    return wrapper


@pytest.mark.root
def test_the_kernels_limit_is_said_with_what_to_do(tmp_path):
    """What needs the most is left out, and the others are watched."""
    for number in range(8):
        (tmp_path / "large" / str(number)).mkdir(parents=True)
    (tmp_path / "small").mkdir()
    with Helper(wrapper=at_most(4)) as helper:
        one = {"directory": str(tmp_path), "ignore": [], "since": time.time() + 60}
        job = {"watches": [{"id": 1, "watch": ["large/"], **one}, {"id": 2, "watch": ["small/"], **one}], "never": []}
        helper.process.stdin.write(json.dumps(job).encode() + b"\n")
        helper.process.stdin.flush()
        refused = helper.answer()
        assert refused["failed"] == 1
        assert "10 folders are to be watched" in refused["words"]
        assert "sysctl fs.inotify.max_user_watches=65536" in refused["words"]
        assert helper.answer() == {"watching": [2], "folders": 1}


@pytest.mark.root
def test_what_was_watched_before_does_not_count(tmp_path):
    """Where the kernel allows one watch for each folder, a new folder does not make them too many."""
    for number in range(50):
        (tmp_path / "src" / str(number)).mkdir(parents=True)
    with Helper(wrapper=at_most(60)) as helper:
        helper.job(tmp_path, ["src/"], since=time.time() + 60)
        for more in range(6):
            assert helper.answer() == {"watching": [7], "folders": 51 + more}
            (tmp_path / "src" / f"new{more}").mkdir()

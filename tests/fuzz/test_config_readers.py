"""Any file is either a configuration or a list of errors, and the work is linear in its size."""

import difflib
import os
import shlex
import sys
import threading
from typing import Self

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from procman.config.formats import files
from procman.config.load import load, read
from procman.config.problems import ConfigError
from procman.config.resolve import option_reader as reading
from procman.system.shell_split import split_words
from tests.support.fuzz_inputs import INI_FILES, INI_PIECES, TOML_FILES, TOML_PIECES, assembled, damaged
from tests.support.fuzz_targets import read_config
from tests.support.growing_configs import INI, TOML


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """An empty directory in which relative paths and patterns are looked up."""
    here = os.getcwd()
    folder = tmp_path_factory.mktemp("fuzz")
    os.chdir(folder)
    yield folder
    os.chdir(here)


@settings(max_examples=120)
@given(st.one_of(damaged(INI_FILES), assembled(INI_PIECES)))
@example(b"[supervisord]\n[fcgi-program:x]\ncommand=x\nnumprocs=0\nsocket=unix:///tmp/x\n")
def test_any_ini_file_is_read_or_refused(data):
    """Damaged INI files, and lines made of tricky pieces, are read or refused."""
    read_config("f.conf", data)


@settings(max_examples=120)
@given(st.one_of(damaged(TOML_FILES), assembled(TOML_PIECES)))
def test_any_toml_file_is_read_or_refused(data):
    """Damaged TOML files, and lines made of tricky pieces, are read or refused."""
    read_config("f.toml", data)


@settings(max_examples=60)
@given(st.binary(max_size=200), st.sampled_from(["f.conf", "f.toml"]))
def test_any_bytes_are_read_or_refused(data, name):
    """Arbitrary bytes are read or refused."""
    read_config(name, data)


@settings(max_examples=30)
@given(damaged(INI_FILES), damaged(TOML_FILES))
def test_what_is_included_may_be_anything(ini, toml):
    """Included files of either form with any content are read or refused."""
    for name, data in (("more.conf", ini), ("more.toml", toml)):
        with open(name, "wb") as file:
            file.write(data)
    read_config("f.conf", b"[supervisord]\n[include]\nfiles=more.*\n")
    read_config("f.toml", b'include = ["more.*"]\n')


@given(st.text(alphabet="ab '\"\\\n\t\r\u00a0#;=", max_size=30))
def test_words_are_those_of_shlex(text):
    """Commands are split like shlex does it, with the same errors."""

    def outcome(split):
        try:
            return split(text)
        except ValueError as error:
            return str(error)

    assert outcome(split_words) == outcome(shlex.split)


class Work:
    """Counts the lines of Python that are executed."""

    def __init__(self) -> None:
        self.lines = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_) -> None:
        sys.settrace(self._before)

    def _call(self, frame, *_):
        # Of difflib the calls: each looks at two short names.
        self.lines += 1
        return None if frame.f_code.co_filename == difflib.__file__ else self._line

    def _line(self, _, event, __):
        self.lines += event == "line"
        return self._line


def work(form: str, text: str) -> int:
    name = f"f.{form}"
    with open(name, "w") as file:
        file.write(text)
    with Work() as work:
        # As `procman check` does it, which looks for more than a start.
        for problem in read(name, places=True).problems:
            str(problem)
    return work.lines


@pytest.mark.parametrize(("form", "shape"), [*(("conf", shape) for shape in INI), *(("toml", shape) for shape in TOML)])
@pytest.mark.slow
def test_twice_the_file_is_twice_the_work(form, shape, monkeypatch):
    """Reading twice the file takes at most twice the steps, counted in executed lines."""
    # Hints are for the first hundred, among the first thousand: here among the first ten.
    monkeypatch.setattr(reading, "MOST_SIMILAR", 10)
    text = (INI if form == "conf" else TOML)[shape]
    # What is done once (imports, tables, what is cached of patterns) is done before.
    work(form, text(100))
    one, two, three = (work(form, text(size)) for size in (60, 80, 100))
    assert three - two <= 1.1 * max(two - one, 0) + 300


def test_a_pipe_that_nobody_writes_to_is_given_up(folder, monkeypatch):
    """Reading a pipe without a writer is given up, so that a master does not hang in a reread."""
    monkeypatch.setattr(files, "PATIENCE", 0)
    os.mkfifo(folder / "fifo.conf")
    with pytest.raises(ConfigError, match="it is not a file, and sent nothing for 0 s"):
        load("fifo.conf")
    (folder / "f.conf").write_text("[supervisord]\n[include]\nfiles=fifo.conf\n")
    (warning,) = load("f.conf").warnings
    assert warning.file.endswith("fifo.conf")


def test_a_pipe_is_read_to_its_end(folder):
    """A pipe, as in `procman -c <(make-config)`, is read in any pieces, up to the largest size."""
    os.mkfifo(folder / "slow.conf")

    def write(text: bytes) -> threading.Thread:
        def write() -> None:
            with open(folder / "slow.conf", "wb", buffering=0) as fifo:
                try:
                    fifo.writelines(text[start : start + 65536] for start in range(0, len(text), 65536))
                except BrokenPipeError:
                    pass

        thread = threading.Thread(target=write)
        thread.start()
        return thread

    writer = write(b"[supervisord]\n[program:x]\ncommand=y\n" + b"; comment\n" * 30_000)
    assert [group.name for group in load("slow.conf").groups] == ["x"]
    writer.join()
    writer = write(b";" * (files.LARGEST_FILE + 2))
    with pytest.raises(ConfigError, match="larger than 8 MiB"):
        load("slow.conf")
    writer.join()


@pytest.mark.parametrize("path", ["/", "/dev/null", "/dev/zero", "/proc/self/mem", "", "x\0y", "x" * 300])
def test_what_is_no_file_is_refused(path):
    """A path that is not a file is refused with a reason, and no descriptor stays open."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ConfigError):
        load(path)
    assert len(os.listdir("/proc/self/fd")) == before

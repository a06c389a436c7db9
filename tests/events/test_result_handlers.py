"""What judges a listener's answer, and how it is found."""

import subprocess
import sys

import pytest

from procman.events.payloads import new_event
from procman.events.result_handlers import CannotImport, RejectEvent, default_handler, is_rejection, load_handler

EVENT = new_event("TICK_5", "when:0")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of the test's own; gives its name."""

    def write(text, name="handlers_of_a_test"):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_the_default_takes_ok_and_nothing_else():
    """Only OK is accepted, without a line end and in capitals."""
    default_handler(EVENT, b"OK")
    for response in (b"FAIL", b"OK\n", b"ok", b""):
        with pytest.raises(RejectEvent):
            default_handler(EVENT, response)


def test_supervisors_default_needs_no_supervisor():
    """It stands in files, written out."""
    code = (
        "import sys; sys.modules['supervisor'] = None\n"
        "from procman.events.result_handlers import default_handler, load_handler\n"
        "assert load_handler(' supervisor.dispatchers:default_handler') is default_handler"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_supervisors_own_exception_rejects():
    """An exception with the name of supervisor's rejects an event, and so does a subclass."""
    oracle = pytest.importorskip("supervisor.dispatchers", reason="the oracle is not installed")

    class Refined(oracle.RejectEvent):
        pass

    assert is_rejection(oracle.RejectEvent())
    assert is_rejection(Refined())
    assert is_rejection(RejectEvent())
    assert not is_rejection(ValueError())


@pytest.mark.parametrize("spec", ["{}:handle", "{}:Judge.handle", "{} : handle", "{}:handle [extra]"])
def test_a_handler_is_found_by_its_name(module, spec):
    """As supervisor finds it: a function, or an attribute of something."""
    name = module("def handle(event, response): return 'mine'\nclass Judge: handle = staticmethod(handle)\n")
    assert load_handler(spec.format(name))(EVENT, b"") == "mine"


@pytest.mark.parametrize(
    ("text", "spec", "why"),
    [
        ("", "{}:missing", "AttributeError: module '{}' has no attribute 'missing'"),
        ("", "no_such_module_anywhere:f", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("1 / 0", "{}:f", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "{}:f", "SystemExit: 3"),
    ],
)
def test_what_cannot_be_imported_is_said(module, text, spec, why):
    """With the reason that Python gives."""
    name = module(text)
    with pytest.raises(CannotImport) as caught:
        load_handler(spec.format(name))
    assert str(caught.value) == f"cannot import {spec.format(name)}: {why.format(name)}"


@pytest.mark.parametrize("spec", ["{}", "{}:value"])
def test_what_cannot_be_called_is_refused(module, spec):
    """At once, and not when the first listener answers."""
    name = module("value = 1")
    with pytest.raises(CannotImport, match="cannot be called"):
        load_handler(spec.format(name))

"""A master does without modules that others import for it, and nobody notices."""

import asyncio
import inspect
import json
import subprocess
import sys
from functools import wraps

import pytest

from procman import stand_ins

_CONTENT = stand_ins._CONTENT["inspect"]

_IMPORT = """
import json, sys
from procman.stand_ins import stand_ins
with stand_ins():
    import procman.master
    import procman.api.xmlrpc
loaded = sorted(name for name, module in sys.modules.items() if module is not None)
"""


def run(code: str) -> object:
    """What that says, run where a master is imported as its command does it."""
    ran = subprocess.run([sys.executable, "-c", _IMPORT + code], capture_output=True, check=True, text=True)
    return json.loads(ran.stdout)


def test_a_master_is_imported_without_them():
    """Neither they nor what they would bring along are there, nor anything in their place."""
    loaded = run("print(json.dumps(loaded))")
    missing = {"ast", "dis", "gettext", "ssl", "_ssl", *stand_ins._CONTENT}
    assert not missing & set(loaded)
    assert "asyncio" in loaded


def test_what_only_clients_need_comes_with_the_first():
    """Programs are started before."""
    loaded = run("print(json.dumps(loaded))")
    assert not {"h11", "procman.http.connection"} & set(loaded)
    code = """
from procman.http.server import connection_class
connection_class()
print(json.dumps(["h11" in sys.modules, "inspect" in sys.modules]))
"""
    assert run(code) == [True, False]


def test_the_garbage_collector_does_not_look_at_what_is_imported_at_the_start():
    """Neither meanwhile nor afterwards; and it does look at what is there when something is imported later."""
    code = """
import gc
from procman.stand_ins import imported_to_stay
def is_looked_at(kept):
    return any(one is kept for one in gc.get_objects())
with imported_to_stay():
    meanwhile, kept = gc.isenabled(), [[]]
with stand_ins():
    later, new = gc.isenabled(), [[]]
print(json.dumps([meanwhile, gc.isenabled(), is_looked_at(kept), later, is_looked_at(new)]))
"""
    assert run(code) == [False, True, False, True, True]


def test_who_imports_one_later_gets_the_real_one():
    """A result handler, say: all of it is there, and what is asked of it is true."""
    code = """
import inspect, logging, locale, tokenize, asyncio.sslproto, ssl
print(json.dumps([inspect.cleandoc(" a"), str(inspect.signature(len)), logging.WARNING, hasattr(locale, "setlocale"),
    hasattr(tokenize, "open"), hasattr(asyncio.sslproto, "SSLProtocol"), hasattr(ssl, "SSLContext")]))
"""
    assert run(code) == ["a", "(obj, /)", 30, True, True, True, True]


def test_what_a_stand_in_lacks_it_has_from_the_real_one():
    """There may be more that asyncio wants than is known here."""
    code = """
import asyncio.coroutines, asyncio.tasks, subprocess
print(json.dumps([asyncio.coroutines.inspect.isawaitable(1), subprocess.Popen(["true"], text=True).wait()]))
"""
    assert run(code) == [False, 0]


def test_who_asks_a_package_for_one_gets_the_real_one():
    """It has been imported by name before, as xmlrpc does it; and what is not there is still not there."""
    code = """
import http, urllib, xmlrpc.client
print(json.dumps([hasattr(http, "nothing"), hasattr(urllib, "parse"), http.client.OK, xmlrpc.client.http.client.OK,
    type(xmlrpc.client.ServerProxy("http://localhost:1/")("transport")).__name__]))
"""
    assert run(code) == [False, True, 200, 200, "Transport"]


def test_what_asyncio_complains_of_is_heard():
    """Its logger is the one of the real module, for whoever has configured that."""
    code = """
import logging
said = []
logging.getLogger("asyncio").addFilter(lambda record: said.append(record.getMessage()))
from asyncio.log import logger
logger.debug("nothing")
logger.error("bad: %s", "luck")
print(json.dumps(said))
"""
    assert run(code) == ["bad: luck"]


def test_a_callback_that_fails_is_reported():
    """With its name, though there is no inspect to find it."""
    code = """
import asyncio
def fails(): raise ValueError("bad")
async def live():
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["message"]))
    asyncio.get_running_loop().call_soon(fails)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
said = []
asyncio.run(live())
print(json.dumps([said[0].partition(" at ")[0], "inspect" in sys.modules]))
"""
    assert run(code) == ["Exception in callback fails()", False]


def test_dataclasses_of_others_keep_their_docstring():
    """The signature that dataclasses gives to those that have none."""
    code = """
from dataclasses import dataclass
@dataclass
class Point:
    x: int
    y: int = 0
print(json.dumps(Point.__doc__))
"""
    assert run(code) == "Point(x: int, y: int = 0)"


async def _coroutine(): ...


def _function(): ...


class _Has:
    async def coroutine(self): ...

    def function(self): ...


@wraps(_function)
def _wrapped(): ...


@pytest.mark.parametrize("value", [_coroutine, _function, _Has().coroutine, _Has().function, _wrapped, len, _Has, 1])
def test_they_answer_as_the_real_ones_do(value):
    """What asyncio asks of callbacks."""
    for name in ("iscoroutinefunction", "isfunction"):
        assert _CONTENT[name](value) == getattr(inspect, name)(value)
    assert _CONTENT["unwrap"](value) == inspect.unwrap(value)
    assert asyncio.iscoroutinefunction(value) == _CONTENT["iscoroutinefunction"](value)


def test_annotations_are_those_of_the_class_itself():
    """Not of one that it inherits from."""

    class Above:
        x: int

    class Below(Above): ...

    for of in (Above, Below):
        assert _CONTENT["get_annotations"](of) == inspect.get_annotations(of)

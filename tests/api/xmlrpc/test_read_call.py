"""A call is read the same way however often it has come before."""

import asyncio
from xmlrpc import client as wire

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.api.xmlrpc import wire as rpc_wire
from procman.api.xmlrpc.wire import MOST_KNOWN, SHORT, read_call
from procman.errors import BadRequest

CALLS = st.tuples(
    st.sampled_from(["supervisor.getState", "supervisor.getAllProcessInfo", "x.y", "caf\u00e9", "n" * SHORT]),
    st.one_of(st.just([]), st.lists(st.one_of(st.sampled_from(["all", 1, True]), st.just([["x"]])), max_size=2)),
)


def read(body):
    return asyncio.run(read_call(body))


def called(name, parameters):
    return wire.dumps(tuple(parameters), name).encode()


@given(st.lists(CALLS, max_size=12))
def test_each_call_is_read_as_itself(calls):
    for name, parameters in calls * 2:
        assert read(called(name, parameters)) == (name, parameters)


def test_changed_parameters_do_not_reach_the_next_call():
    for parameters in ([], ["web"]):
        _, first = read(called("x.y", parameters))
        first.append("more")
        assert read(called("x.y", parameters)) == ("x.y", parameters)


def test_the_known_calls_are_bounded():
    """Calls with parameters, which may be secrets, are not kept at all."""
    for number in range(5 * MOST_KNOWN):
        read(called(f"x.n{number}", []))
        read(called("supervisor.sendProcessStdin", ["web", f"secret {number}"]))
        assert len(rpc_wire._known) <= MOST_KNOWN
    assert not any(b"secret" in body for body in rpc_wire._known)
    assert all(len(body) <= SHORT for body in rpc_wire._known)


@pytest.mark.parametrize("body", [b"", b"<methodCall/>", b"<methodCall><params/></methodCall>"])
def test_a_call_without_a_method_stays_one_when_repeated(body):
    def outcome():
        try:
            return read(body)
        except BadRequest as error:
            return str(error)

    assert outcome() == outcome()

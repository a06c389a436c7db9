"""What goes into the core and comes out of it, and the definitions, are facts: none of them can be changed."""

import inspect
from dataclasses import FrozenInstanceError, fields, is_dataclass
from importlib import import_module
from pkgutil import iter_modules

import pytest

from procman.config import schema
from procman.core import actions, deadlines, events, spec
from procman.core.events import BootRequested, ExitStatus
from tests.support.programs import group, program

MODULES = (
    actions,
    deadlines,
    events,
    spec,
    *(import_module(f"{schema.__name__}.{module.name}") for module in iter_modules(schema.__path__)),
)
FACTS = {
    fact
    for module in MODULES
    for _, fact in inspect.getmembers(module, lambda it: is_dataclass(it) and inspect.isclass(it))
}


@pytest.mark.parametrize("fact", sorted(FACTS, key=lambda fact: fact.__name__), ids=lambda fact: fact.__name__)
def test_a_fact_is_frozen_and_has_no_room_for_more(fact):
    """Every dataclass in these modules is declared with frozen=True and slots=True."""
    assert fact.__dataclass_params__.frozen
    assert "__dict__" not in dir(fact)


@pytest.mark.parametrize("fact", [ExitStatus(0), program(), group(), deadlines.NO_DEADLINES])
def test_a_field_of_a_fact_cannot_be_set(fact):
    """An attempt to change one is an error at once."""
    for field in fields(fact):
        with pytest.raises(FrozenInstanceError):
            setattr(fact, field.name, None)


def test_an_event_without_fields_equals_another_of_its_kind():
    """Facts are compared by what they say."""
    assert BootRequested() == BootRequested()

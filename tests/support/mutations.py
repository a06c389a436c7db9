"""Faults that are put into copies of modules on purpose: tests that find none of them would find no other, either."""

import inspect
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType, ModuleType

import pytest

Names = dict[str, object]


@dataclass(frozen=True)
class Mutation:
    """A fault: `piece` is a regular expression that occurs exactly once in the module."""

    claim: str
    module: ModuleType
    piece: str
    instead: str = ""


def each(mutations: Sequence[Mutation], *, slow: Collection[str] = ()) -> pytest.MarkDecorator:
    """One test for each, in its argument `mutation`; those of the claims in `slow` are slow tests."""
    parameters = [pytest.param(one, marks=pytest.mark.slow if one.claim in slow else ()) for one in mutations]
    return pytest.mark.parametrize("mutation", parameters, ids=lambda mutation: mutation.claim.replace(" ", "-"))


def assert_found(mutation: Mutation, live: Callable[[], object]) -> None:
    """Fails unless `live` does, which looks at a copy that has the fault."""
    try:
        live()
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - rules that break down are found out, too
        return
    pytest.fail(f"nothing finds that {mutation.claim}")


def copy_with(mutation: Mutation) -> Names:
    """The names of a copy of its module that has that fault."""
    return copy_of(mutation.module, mutation, {})


def copy_of(module: ModuleType, mutation: Mutation | None, copies: dict[str, Names]) -> Names:
    """The names of a copy of that module, with the fault if that is its own.

    What it imports of modules that are in `copies`, by their names, comes from there.
    """
    if mutation is not None and mutation.module is module:
        code, taken = _compiled(module, _mutated(mutation), tuple(copies))
    else:
        code, taken = _unharmed(module, tuple(copies))
    names: Names = {"__name__": f"copy_of_{module.__name__}"}
    names.update({name: copies[whose][name] for whose, name in taken})
    exec(code, names)
    return names


@cache
def _unharmed(module: ModuleType, copied: tuple[str, ...]) -> tuple[CodeType, list[tuple[str, str]]]:
    # Each mutation takes nearly all modules as they are.
    return _compiled(module, inspect.getsource(module), copied)


def _compiled(module: ModuleType, source: str, copied: tuple[str, ...]) -> tuple[CodeType, list[tuple[str, str]]]:
    # Without the imports from copies; these are given back, as (module, name).
    taken: list[tuple[str, str]] = []

    def take(imported: re.Match[str]) -> str:
        taken.extend((imported[1], name) for name in re.findall(r"\w+", imported[2]))
        return ""

    own = "|".join(map(re.escape, copied)) or "$^"
    source = re.sub(rf"^from ({own}) import (\([^)]*\)|.*)\n", take, source, flags=re.MULTILINE)
    return compile(source, module.__name__, "exec"), taken


def _mutated(mutation: Mutation) -> str:
    source = inspect.getsource(mutation.module)
    found = len(re.findall(mutation.piece, source))
    claim = f"{mutation.piece!r} is {found} times in {mutation.module.__name__}: rewrite the mutation"
    assert found == 1, claim
    return re.sub(mutation.piece, mutation.instead, source)

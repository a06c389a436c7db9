"""What dataclasses are made with here: the same for those who use them, at a quarter of the cost.

`dataclass(frozen=True, slots=True)` compiles seven methods for each class, each time the master starts: a hundred
classes were 45 % of the time of its imports. Here only `__init__` is compiled; what compares, hashes and shows is
shared; a process that imports the master takes a quarter less. An instance is made quicker, too. Nothing but the type
checker keeps anybody from changing one.
"""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import partial
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def fact(cls: type[T], /) -> type[T]: ...
@overload
def fact(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def fact(cls: type[T] | None = None, /, *, kw_only: bool = False) -> type[T] | Callable[[type[T]], type[T]]:
    """A class of facts: its fields are its value, as with dataclass(frozen=True, slots=True)."""
    return partial(_make, kw_only=kw_only) if cls is None else _make(cls, kw_only=kw_only)


@dataclass_transform(field_specifiers=(field,))
def mutable(cls: type[T]) -> type[T]:
    """A class whose fields are set as things go on: as with dataclass(slots=True), and its instances have no hash.

    A field that is not for `__init__` is for `__post_init__` to set.
    """
    made: Any = _make(cls)
    made.__hash__ = None
    return made  # type: ignore[no-any-return]


def _make(cls: type[T], *, kw_only: bool = False) -> type[T]:
    # The docstring is given, or else dataclass would look for the signature, which takes as long as all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclass(cls, init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
    all_of_them = fields(made)
    made.__init__ = _init(all_of_them, then=hasattr(made, "__post_init__"))
    made.__shown__ = tuple(one.name for one in all_of_them if one.repr)
    made.__value__ = _getter(one.name for one in all_of_them if one.compare)
    made.__hashed__ = _getter(one.name for one in all_of_them if (one.compare if one.hash is None else one.hash))
    made.__eq__, made.__hash__, made.__repr__ = _equals, _hash, _show
    return made  # type: ignore[no-any-return]


class _Made:
    """A default that is made for each instance."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def _init(all_of_them: Iterable[Field[Any]], *, then: bool) -> Callable[..., None]:
    """As dataclass would compile it, but for the annotations, which cost more than what it does."""
    all_of_them = [one for one in all_of_them if one.init]
    in_order = [one for one in all_of_them if not one.kw_only]
    by_name = [one for one in all_of_them if one.kw_only]
    defaults = {one.name: _default(one) for one in all_of_them}
    optional = {name for name, value in defaults.items() if value is not MISSING}
    arguments = [f"{one.name}=None" if one.name in optional else one.name for one in (*in_order, *by_name)]
    if by_name:
        arguments.insert(len(in_order), "*")
    lines = [
        f"self.{name} = {name}.make() if {name}.__class__ is _Made else {name}"
        if isinstance(value, _Made)
        else f"self.{name} = {name}"
        for name, value in defaults.items()
    ]
    if then:
        lines.append("self.__post_init__()")
    space: dict[str, Any] = {}
    source = f"def __init__({', '.join(['self', *arguments])}):\n {'; '.join(lines) or 'pass'}"
    exec(source, globals(), space)  # noqa: S102 - as dataclasses does
    init: Any = space["__init__"]
    init.__defaults__ = tuple(defaults[one.name] for one in in_order if one.name in optional)
    init.__kwdefaults__ = {one.name: defaults[one.name] for one in by_name if one.name in optional}
    return init  # type: ignore[no-any-return]


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else _Made(one.default_factory)


def _equals(self: Any, other: Any) -> bool:
    return self.__value__(self) == self.__value__(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(self.__hashed__(self))


def _show(self: Any) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__shown__)})"


def _getter(names: Iterable[str]) -> Callable[[Any], Any]:
    """What gives the values of these attributes."""
    names = tuple(names)
    # A static method, as the other is no method either.
    return attrgetter(*names) if names else staticmethod(lambda _: ())

"""Python types as JSON schemas (2020-12), and typed dicts as components that others refer to."""

from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from procman.api.openapi.shape_comments import shape_bases, shapes_told

Schema = dict[str, Any]
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    NoneType: {"type": "null"},
    Any: {},
}


class Schemas:
    """The components that were needed so far."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._told = {name: (about, fields) for name, about, fields in shapes_told()}
        self._bases = shape_bases()

    def _comments(self, name: str) -> dict[str, str]:
        """Those of a shape, and of what it adds to."""
        found: dict[str, str] = {}
        for base in self._bases.get(name, ()):
            found |= self._comments(base)
        return found | {field.name: field.about for field in self._told.get(name, ("", []))[1]}

    def of(self, kind: Any) -> Schema:
        """The schema of a type; a dict of types by key stands for an object with just these."""
        if isinstance(kind, dict):
            return _object({key: self.of(one) for key, one in kind.items()}, list(kind))
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        if is_typeddict(kind):
            return self._referred(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (NotRequired, Required):
            return self.of(arguments[0])
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if origin is Literal:
            return {"type": "integer" if isinstance(arguments[0], int) else "string", "enum": list(arguments)}
        if origin in (Union, UnionType):
            return {"anyOf": [self.of(one) for one in arguments]}
        raise TypeError(f"{kind!r} has no schema: give it one here")

    def _referred(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.components:
            self.components[name] = {}  # a shape may have itself in it
            hints = get_type_hints(kind, include_extras=True)
            comments = self._comments(name)
            properties = {key: self.of(one) for key, one in hints.items()}
            for key, schema in properties.items():
                if comments.get(key):
                    schema["description"] = comments[key]
            required = [key for key in hints if key in kind.__required_keys__]
            self.components[name] = {"description": self._told[name][0], **_object(properties, required)}
        return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found

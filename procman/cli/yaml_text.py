"""What `--json` prints, as YAML: each key on a line of its own, and all texts in quotes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def yaml_lines(value: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a document."""
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in yaml_lines(item))
        elif isinstance(item, list) and item:
            yield f"{_scalar(key)}:"
            yield from _items(item)
        else:
            yield f"{_scalar(key)}: {_value(item)}"


def _items(items: list[Any]) -> Iterator[str]:
    for item in items:
        lines = [*yaml_lines(item)] if isinstance(item, dict) and item else [_value(item)]
        yield f"- {lines[0]}"
        yield from (f"  {line}" for line in lines[1:])


def _scalar(key: str) -> str:
    return key if key.isidentifier() and key not in {"y", "n", "yes", "no", "on", "off", "null"} else json.dumps(key)


def _value(item: Any) -> str:
    return json.dumps(item, ensure_ascii=not (isinstance(item, str) and item.isprintable()))

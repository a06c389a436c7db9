"""How values are written: in messages, and in a file of either form."""

import json

from procman.config.secrets import masked

LONGEST_SHOWN = 200  # characters; most paths are shorter


def show_text(value: object, *, toml: bool = False) -> str:
    """A value for a message: quoted, shortened, with secrets masked; `toml`: as TOML writes it."""
    if isinstance(value, str):
        value = masked(value)
    text = show_toml(value) if toml else repr(value)
    if not isinstance(value, str):
        text = masked(text)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def show_toml(value: object) -> str:
    """A value as a TOML file has it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(map(show_toml, value))}]"
        case dict():
            pairs = ", ".join(f"{name} = {show_toml(item)}" for name, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            return str(value)


def table_name(kind: str, name: str) -> str:
    """[program.web], with quotes if TOML needs them."""
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return f"[{kind}.{name if bare else show_toml(name)}]"


def assignment(name: str, value: str, *, toml: bool) -> str:
    """`name = value`, as a file of that form has it."""
    return f"{name} = {show_toml(value) if toml else value}"

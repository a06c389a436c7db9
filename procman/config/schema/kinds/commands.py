"""What to run: a command line, or a Python object in a plug-in."""

import shlex

from procman.config.schema.kinds.text import accept_text, text_kind
from procman.config.schema.options import Kind, Unfit


def _accept_command(value: object) -> str:
    if not isinstance(value, (str, list)):
        raise TypeError
    command = value if isinstance(value, str) else shlex.join([accept_text(item) for item in value])
    if not command.strip():
        raise Unfit("expected a command")
    return command


COMMAND: Kind[str] = Kind(
    name="command",
    expected="a command: a text, or a list of texts",
    slug="missing-command",
    parse=str,
    accept=_accept_command,
    schema={"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1},
)
PLUGIN = text_kind("module:attribute", "module:attribute", "unresolvable-plugin")

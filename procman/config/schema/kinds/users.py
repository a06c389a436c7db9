"""Users and groups of the machine."""

from dataclasses import replace

from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.kinds.text import accept_text, text_kind
from procman.config.schema.options import Kind

USER: Kind[str] = Kind(
    name="user",
    expected="the name or the number of a user of this machine",
    slug="unknown-user",
    parse=str,
    accept=lambda value: str(accept_int(value)) if isinstance(value, int) else accept_text(value),
    schema={"type": ["string", "integer"]},
)
USER_GROUP: Kind[str] = replace(
    USER, name="group", expected="the name or the number of a group of this machine", slug="unknown-group"
)
OWNER = text_kind("user or user:group", "USER or USER:GROUP of this machine", "unknown-user")

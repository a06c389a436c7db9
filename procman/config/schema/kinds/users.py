"""Users and groups of the machine."""

from procman.config.schema.kinds.numbers import accept_int
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind

USER: Kind[str] = Kind(
    name="user",
    expected="the name or the number of a user of this machine",
    slug="unknown-user",
    parse=str,
    accept=lambda value: str(accept_int(value)) if isinstance(value, int) else accept_text(value),
    schema={"type": ["string", "integer"]},
)
OWNER: Kind[str] = Kind(
    name="user or user:group",
    expected="USER or USER:GROUP of this machine",
    slug="unknown-user",
    parse=str,
    accept=accept_text,
    schema={"type": "string"},
)

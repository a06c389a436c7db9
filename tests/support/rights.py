"""Rights of clients, for tests of endpoints."""

from procman.access.rights import READ_ONLY, Rights
from procman.access.rules import Door, Grant, Identity, Rules
from procman.services.selectors import names_it


def no_rules() -> Rules:
    """Rules without a section, and without programs."""
    return Rules(names_it, lambda _: None, lambda _: False)


def only_reads() -> Rights:
    """Of a client with the password for reading."""
    reader = Grant(source="readonly_username", role="read", logs=True)
    return Rights(Identity(grants=(reader,)), no_rules(), Door(), refusal=READ_ONLY)

"""Roles of clients, and how a server knows its clients."""

from procman.config.schema.kinds.choices import word_of

ROLE_NAMES = ("none", "metrics", "read", "operate", "configure", "admin")
ROLE = word_of("bad-role", {word: word for word in ROLE_NAMES}, str)
ACCESS = word_of("bad-access", {word: word for word in ("socket", "roles")}, str)

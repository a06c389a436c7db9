"""Roles of clients, and how a server knows its clients."""

from dataclasses import replace

from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.paths import PATH

ROLE_NAMES = ("none", "metrics", "read", "operate", "configure", "admin")
TOKEN_FILE = replace(PATH, harmless=True)  # its name is no secret, nor are digests
ROLE = word_of("bad-role", {word: word for word in ROLE_NAMES}, str)
ACCESS = word_of("bad-access", {word: word for word in ("socket", "roles")}, str)

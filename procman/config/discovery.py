"""Where the configuration file is searched for, and what its name says."""

import os

SEARCH = (
    "./procman.toml",
    "./conf/procman.toml",
    "./supervisord.conf",
    "./etc/supervisord.conf",
    "/etc/procman.toml",
    "/etc/procman/procman.toml",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
)


def find_config() -> str | None:
    """Return the first file of SEARCH that exists."""
    return next((path for path in SEARCH if os.path.exists(path)), None)


def is_procfile(path: str) -> bool:
    """Whether the name is that of a Procfile: Procfile, or Procfile.dev."""
    name = os.path.basename(path)
    return name == "Procfile" or (name.startswith("Procfile.") and not name.endswith((".toml", ".conf", ".ini")))

"""Where the configuration file is searched for."""

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

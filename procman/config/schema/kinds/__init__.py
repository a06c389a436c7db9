"""The kinds of values that an option may have, a module for each sort; `model` names them as `kinds.INTEGER`.

A kind reads a value from INI text and from TOML, and writes it. Nothing here looks at the machine: whether a directory
or a user exists is checked by `resolve`, because that depends on the machine that the file is read for.
"""

from procman.config.schema.kinds.addresses import ADDRESS, URL, is_loopback
from procman.config.schema.kinds.choices import (
    AUTORESTART,
    EARLY_EXIT,
    LEFTOVERS,
    LOG_FORMAT,
    LOG_OVERFLOW,
    LOG_TIMESTAMP,
    LOGLEVEL,
    ORPHANS,
    PROCESS_TYPE,
    SCOPE,
    SHUTDOWN_WHEN,
)
from procman.config.schema.kinds.commands import COMMAND, PLUGIN
from procman.config.schema.kinds.dependencies import EDGES, ON_DEPENDENCY_RESTART, ON_DEPENDENCY_STOP
from procman.config.schema.kinds.durations import BACKOFF, DURATION, ON_RESTART_LIMIT, RESTART_LIMIT, SECONDS
from procman.config.schema.kinds.environment import ENVIRONMENT
from procman.config.schema.kinds.lists import EVENTS, PATTERNS, STRINGS
from procman.config.schema.kinds.notifications import NOTIFY_FORMAT, NOTIFY_ON, TEMPLATE, WEBHOOK, split_url
from procman.config.schema.kinds.numbers import (
    CONCURRENCY,
    EXITCODES,
    FACTOR,
    INTEGER,
    OCTAL,
    PERCENT,
    REPORTS,
    RETRIES,
    SIZE,
)
from procman.config.schema.kinds.paths import DIRECTORY, FILE, JOURNAL, LOGFILE, PATH
from procman.config.schema.kinds.readiness import READY, STATUSES, TIMEOUT
from procman.config.schema.kinds.schedules import HISTORY, JITTER, MISSED, OVERLAP, SCHEDULE
from procman.config.schema.kinds.signals import SIGNAL
from procman.config.schema.kinds.text import BOOLEAN, SECRET, TEXT
from procman.config.schema.kinds.users import OWNER, USER

__all__ = [
    "ADDRESS",
    "AUTORESTART",
    "BACKOFF",
    "BOOLEAN",
    "COMMAND",
    "CONCURRENCY",
    "DIRECTORY",
    "DURATION",
    "EARLY_EXIT",
    "EDGES",
    "ENVIRONMENT",
    "EVENTS",
    "EXITCODES",
    "FACTOR",
    "FILE",
    "HISTORY",
    "INTEGER",
    "JITTER",
    "JOURNAL",
    "LEFTOVERS",
    "LOGFILE",
    "LOGLEVEL",
    "LOG_FORMAT",
    "LOG_OVERFLOW",
    "LOG_TIMESTAMP",
    "MISSED",
    "NOTIFY_FORMAT",
    "NOTIFY_ON",
    "OCTAL",
    "ON_DEPENDENCY_RESTART",
    "ON_DEPENDENCY_STOP",
    "ON_RESTART_LIMIT",
    "ORPHANS",
    "OVERLAP",
    "OWNER",
    "PATH",
    "PATTERNS",
    "PERCENT",
    "PLUGIN",
    "PROCESS_TYPE",
    "READY",
    "REPORTS",
    "RESTART_LIMIT",
    "RETRIES",
    "SCHEDULE",
    "SCOPE",
    "SECONDS",
    "SECRET",
    "SHUTDOWN_WHEN",
    "SIGNAL",
    "SIZE",
    "STATUSES",
    "STRINGS",
    "TEMPLATE",
    "TEXT",
    "TIMEOUT",
    "URL",
    "USER",
    "WEBHOOK",
    "is_loopback",
    "split_url",
]

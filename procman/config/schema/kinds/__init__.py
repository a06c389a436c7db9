"""The kinds of values that an option may have, a module for each sort; `model` names them as `kinds.INTEGER`.

A kind reads a value from INI text and from TOML, and writes it. Nothing here looks at the machine: whether a directory
or a user exists is checked by `resolve`, because that depends on the machine that the file is read for.
"""

from procman.config.schema.kinds.access import ACCESS, ROLE, ROLE_NAMES, TOKEN_FILE
from procman.config.schema.kinds.addresses import ADDRESS, URL, is_loopback
from procman.config.schema.kinds.choices import (
    AUTORESTART,
    EARLY_EXIT,
    LEFTOVERS,
    LOG_FORMAT,
    LOG_OVERFLOW,
    LOG_TIMESTAMP,
    LOGLEVEL,
    MEMORY_MEASURE,
    ORPHANS,
    PROCESS_TYPE,
    SCOPE,
    SHUTDOWN_WHEN,
    UNKNOWN_EXIT,
)
from procman.config.schema.kinds.commands import COMMAND, PLUGIN
from procman.config.schema.kinds.dependencies import EDGES, ON_DEPENDENCY_RESTART, ON_DEPENDENCY_STOP
from procman.config.schema.kinds.durations import BACKOFF, DURATION, ON_RESTART_LIMIT, RESTART_LIMIT, SECONDS
from procman.config.schema.kinds.environment import ENVIRONMENT
from procman.config.schema.kinds.environment_sources import (
    ALL,
    CREDENTIALS,
    ENV_FILES,
    ENV_FROM,
    INHERITED,
    NONE,
    VARIABLE_NAMES,
)
from procman.config.schema.kinds.health import COUNT, HEALTH, HEALTH_LEVEL, ON_UNHEALTHY
from procman.config.schema.kinds.hooks import HOOK, RELOAD
from procman.config.schema.kinds.limits import (
    CAPABILITY_LIST,
    CPU_AFFINITY,
    CPU_MAX,
    IONICE,
    MEMORY,
    MEMORY_LIMIT,
    NICE,
    OOM_SCORE,
    PIDS_LIMIT,
    RLIMIT_COUNT,
    RLIMIT_SECONDS,
    RLIMIT_SIZE,
    WEIGHT,
)
from procman.config.schema.kinds.lists import EVENTS, PATTERNS, STRINGS
from procman.config.schema.kinds.logs import AGE, COMPRESS, ROTATE, ROTATED_NAME, TOTAL
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
from procman.config.schema.kinds.rolling import RESTART_STRATEGY, ROLLING_BATCH
from procman.config.schema.kinds.schedules import HISTORY, JITTER, MISSED, OVERLAP, SCHEDULE
from procman.config.schema.kinds.signals import SIGNAL
from procman.config.schema.kinds.sockets import BACKLOG, HOLD, LISTEN, SOCKETS
from procman.config.schema.kinds.text import BOOLEAN, SECRET, TEXT
from procman.config.schema.kinds.users import OWNER, USER, USER_GROUP
from procman.config.schema.kinds.watch import WATCH, WATCH_ACTION, WATCH_IGNORE

__all__ = [
    "ACCESS",
    "ADDRESS",
    "AGE",
    "ALL",
    "AUTORESTART",
    "BACKLOG",
    "BACKOFF",
    "BOOLEAN",
    "CAPABILITY_LIST",
    "COMMAND",
    "COMPRESS",
    "CONCURRENCY",
    "COUNT",
    "CPU_AFFINITY",
    "CPU_MAX",
    "CREDENTIALS",
    "DIRECTORY",
    "DURATION",
    "EARLY_EXIT",
    "EDGES",
    "ENVIRONMENT",
    "ENV_FILES",
    "ENV_FROM",
    "EVENTS",
    "EXITCODES",
    "FACTOR",
    "FILE",
    "HEALTH",
    "HEALTH_LEVEL",
    "HISTORY",
    "HOLD",
    "HOOK",
    "INHERITED",
    "INTEGER",
    "IONICE",
    "JITTER",
    "JOURNAL",
    "LEFTOVERS",
    "LISTEN",
    "LOGFILE",
    "LOGLEVEL",
    "LOG_FORMAT",
    "LOG_OVERFLOW",
    "LOG_TIMESTAMP",
    "MEMORY",
    "MEMORY_LIMIT",
    "MEMORY_MEASURE",
    "MISSED",
    "NICE",
    "NONE",
    "NOTIFY_FORMAT",
    "NOTIFY_ON",
    "OCTAL",
    "ON_DEPENDENCY_RESTART",
    "ON_DEPENDENCY_STOP",
    "ON_RESTART_LIMIT",
    "ON_UNHEALTHY",
    "OOM_SCORE",
    "ORPHANS",
    "OVERLAP",
    "OWNER",
    "PATH",
    "PATTERNS",
    "PERCENT",
    "PIDS_LIMIT",
    "PLUGIN",
    "PROCESS_TYPE",
    "READY",
    "RELOAD",
    "REPORTS",
    "RESTART_LIMIT",
    "RESTART_STRATEGY",
    "RETRIES",
    "RLIMIT_COUNT",
    "RLIMIT_SECONDS",
    "RLIMIT_SIZE",
    "ROLE",
    "ROLE_NAMES",
    "ROLLING_BATCH",
    "ROTATE",
    "ROTATED_NAME",
    "SCHEDULE",
    "SCOPE",
    "SECONDS",
    "SECRET",
    "SHUTDOWN_WHEN",
    "SIGNAL",
    "SIZE",
    "SOCKETS",
    "STATUSES",
    "STRINGS",
    "TEMPLATE",
    "TEXT",
    "TIMEOUT",
    "TOKEN_FILE",
    "TOTAL",
    "UNKNOWN_EXIT",
    "URL",
    "USER",
    "USER_GROUP",
    "VARIABLE_NAMES",
    "WATCH",
    "WATCH_ACTION",
    "WATCH_IGNORE",
    "WEBHOOK",
    "WEIGHT",
    "is_loopback",
    "split_url",
]

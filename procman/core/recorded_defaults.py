"""What recordings of an older procman have not, and what stood for it then. No I/O here."""

from typing import Any

from procman.core.spec import EarlyExit, ProcessType

# Fields that definitions have had since VERSION 1 was first written, and what stood for them before.
ADDED: dict[str, Any] = {
    "type": ProcessType.SERVICE.name,
    "run_timeout": None,
    "unknown_exit": "failure",
    "backoff": None,
    "backoff_factor": 2.0,
    "backoff_jitter": 0.1,
    "backoff_reset": None,
    "restart_limit": None,
    "on_restart_limit": ("fatal", 0),
    "norestart_exitcodes": (),
    "early_exit": EarlyExit.FAILURE.name,
    "depends_on": (),
    "depends_timeout": None,
    "on_dependency_restart": ("ignore", 0),
    "on_dependency_stop": "ignore",
    "start_concurrency": None,
    # It changes what a process that ends at once does; before it there was none.
    "restart_brake": False,
    "ready": (),
    "start_timeout": None,
    "ready_interval": 0.5,
    "schedule": None,
    "schedule_tz": "local",
    "schedule_jitter": 0.0,
    "schedule_overlap": "skip",
    "schedule_missed": "skip",
    "schedule_deadline": 600.0,
    "run_on_start": False,
    "section": "",
    "memory_restart": None,
    "memory_interval": 10,
    "max_age": None,
    "max_age_jitter": 0.1,
    "pre_start": (),
    "post_start": (),
    "pre_stop": (),
    "stop_command": (),
    "before_kill": (),
    "before_kill_timeout": 5.0,
    "post_stop": (),
    "on_failure": (),
    "hook_timeout": 30.0,
    "reload": None,
    "reload_timeout": 30.0,
    "health": None,
    "health_interval": 10.0,
    "health_timeout": 3.0,
    "health_retries": 3,
    "health_start_period": 0.0,
    "on_unhealthy": ("restart", 0),
    "watchdog": None,
}
# The same of events.
ADDED_TO_EVENTS: dict[str, Any] = {"ready": False, "alone": False, "run": False, "post_start": False}

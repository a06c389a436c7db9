"""The structs that methods answer with, in the shapes of supervisor 4.3.0."""

from typing import Any
from weakref import WeakKeyDictionary

from procman.api.facts_to_shapes import process_info
from procman.api.faults import fault_of
from procman.api.xmlrpc.wire import Filled, Template, fault
from procman.errors import OperationError
from procman.services.operations import Outcome
from procman.services.status import Moment, ProcessStatus

INT_MAX = 2**31 - 1  # XML-RPC knows no larger number
AUTO = "AUTO"
LOG_FIELDS = ("stdout_logfile", "stderr_logfile")
CONFIG_FIELDS = (
    "autostart",
    "command",
    "directory",
    "killasgroup",
    "name",
    "redirect_stderr",
    "serverurl",
    "startretries",
    "startsecs",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
    "stopwaitsecs",
    "uid",
)
PROCESS_FIELDS = (
    "name",
    "group",
    "start",
    "stop",
    "now",
    "state",
    "statename",
    "spawnerr",
    "exitstatus",
    "logfile",
    "stdout_logfile",
    "stderr_logfile",
    "pid",
    "description",
)


def judge(outcomes: list[Outcome], name: str) -> bool:
    """Return True if the one outcome is good; else raise its error, with the process named as the client did."""
    (outcome,) = outcomes
    if outcome.reason is None:
        return True
    raise OperationError(name if outcome.text == outcome.namespec else outcome.text, outcome.reason)


def results(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """A struct for each."""
    return [
        {
            "name": outcome.name,
            "group": outcome.group,
            "status": int(fault_of(outcome.reason)),
            "description": _described(outcome),
        }
        for outcome in outcomes
    ]


def _described(outcome: Outcome) -> str:
    """As the text of a fault; a good outcome has its own text."""
    return outcome.text if outcome.reason is None else fault(fault_of(outcome.reason), outcome.text).faultString


class ProcessStructs:
    """The struct of each process, of which only what the time changes is written each time: monitors ask often.

    What is kept of a status goes with it, as soon as something happens to the process.
    """

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._templates: WeakKeyDictionary[ProcessStatus, Template] = WeakKeyDictionary()

    def of(self, status: ProcessStatus, moment: Moment) -> Filled:
        """As it is at that moment."""
        template = self._templates.get(status)
        if template is None:
            info = process_info(status, moment, 0)
            struct = {name: info[name] for name in PROCESS_FIELDS}  # type: ignore[literal-required]
            template = self._templates[status] = Template(struct, {"now": int, "description": str})
        return template.filled(moment.now, status.description(moment))


def plain(value: Any) -> Any:
    """As XML-RPC can say it: it has no null and no large numbers, and supervisor writes AUTO in small letters."""
    if value is None:
        return "none"
    if value == AUTO:
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool):
        return min(value, INT_MAX)
    return value

"""The objects of a running master, one for each job. `wiring` builds them."""

from dataclasses import dataclass

from procman.core.fleet import Fleet
from procman.daemon.event_log import EventLog
from procman.daemon.farewell import MasterFarewell
from procman.daemon.watching import Watching
from procman.events.hub import Hub
from procman.runtime.bus import Bus
from procman.runtime.command_runner import CommandRunner
from procman.runtime.engine import Engine
from procman.runtime.health_looks import HealthLooks
from procman.runtime.hooks import Hooks
from procman.runtime.journal.journal import Journal
from procman.runtime.leftovers import LeftoverReporter
from procman.runtime.memory_looks import MemoryLooks
from procman.runtime.output_router import OutputRouter
from procman.runtime.probes import Probes
from procman.runtime.process_trees import Trees
from procman.runtime.start_gate import StartGate
from procman.runtime.timetable import Timetable
from procman.services.access import AccessRules
from procman.services.configuration import ConfigService
from procman.services.crash_reports.service import CrashReports
from procman.services.debugging import DebugService
from procman.services.ends import Ends
from procman.services.explanations import Explanations
from procman.services.faults import Faults
from procman.services.given_files import GivenFiles
from procman.services.health_checks import HealthChecks
from procman.services.hook_results import HookResults
from procman.services.limits import Limits
from procman.services.log_rotations import LogRotations
from procman.services.logs import LogService
from procman.services.master import MasterService
from procman.services.notifying import Notifying
from procman.services.processes import ProcessService
from procman.services.rolling import RollingService
from procman.services.run_history import RunHistory
from procman.services.runs import RunService
from procman.services.schedules import ScheduleService
from procman.services.sockets import SocketService
from procman.services.status import StatusBoard
from procman.services.terminals import TerminalService
from procman.services.update_service import UpdateService
from procman.services.why import Why


@dataclass(frozen=True, slots=True)
class Rooms:
    """All that one configuration brings to life, but for what clients talk to."""

    outputs: OutputRouter
    logs: LogService
    fleet: Fleet
    trees: Trees
    start_gate: StartGate
    bus: Bus
    journal: Journal
    engine: Engine
    commands: CommandRunner
    probes: Probes
    memory: MemoryLooks
    hooks: Hooks
    health_looks: HealthLooks
    health_checks: HealthChecks
    timetable: Timetable
    watching: Watching
    leftovers: LeftoverReporter
    event_log: EventLog
    farewell: MasterFarewell
    hub: Hub
    master: MasterService
    status: StatusBoard
    ends: Ends
    explanations: Explanations
    crashes: CrashReports
    limits: Limits
    sockets: SocketService
    processes: ProcessService
    rolling: RollingService
    runs: RunService
    terminals: TerminalService
    debugging: DebugService
    faults: Faults
    run_history: RunHistory
    hook_results: HookResults
    given: GivenFiles
    rotations: LogRotations
    schedules: ScheduleService
    configuration: ConfigService
    updates: UpdateService
    notifying: Notifying
    why: Why
    access: AccessRules

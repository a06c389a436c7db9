"""The objects of a running master, one for each job. `wiring` builds them."""

from dataclasses import dataclass

from procman.core.fleet import Fleet
from procman.daemon.event_log import EventLog
from procman.daemon.farewell import MasterFarewell
from procman.daemon.watching import Watching
from procman.events.hub import Hub
from procman.runtime.bus import Bus
from procman.runtime.children import Children
from procman.runtime.command_runner import CommandRunner
from procman.runtime.engine import Engine
from procman.runtime.health_looks import HealthLooks
from procman.runtime.hooks import Hooks
from procman.runtime.journal.journal import Journal
from procman.runtime.launcher import Launcher
from procman.runtime.leftovers import LeftoverReporter
from procman.runtime.memory_looks import MemoryLooks
from procman.runtime.output_router import OutputRouter
from procman.runtime.probes import Probes
from procman.runtime.process_trees import Trees
from procman.runtime.start_gate import StartGate
from procman.runtime.timetable import Timetable
from procman.services.crash_reports.service import CrashReports
from procman.services.ends import Ends
from procman.services.explanations import Explanations
from procman.services.hook_results import HookResults
from procman.services.last_looks import LastLooks
from procman.services.master import MasterService
from procman.services.notifying import Notifying
from procman.services.run_history import RunHistory
from procman.services.status import StatusBoard


@dataclass(frozen=True, slots=True, eq=False)
class Rooms:
    """All that one configuration brings to life, but for what only clients talk to (see `client_services`)."""

    outputs: OutputRouter
    fleet: Fleet
    trees: Trees
    start_gate: StartGate
    bus: Bus
    journal: Journal
    engine: Engine
    launcher: Launcher
    children: Children
    commands: CommandRunner
    probes: Probes
    memory: MemoryLooks
    hooks: Hooks
    health_looks: HealthLooks
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
    looks: LastLooks
    run_history: RunHistory
    hook_results: HookResults
    notifying: Notifying

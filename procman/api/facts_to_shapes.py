"""The facts of the services in the shapes of /v1."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from procman.api.error_codes import CODES, SUCCESS
from procman.api.shapes.access import Role
from procman.api.shapes.configuration import Changes, ConfigInfo, Step
from procman.api.shapes.master import ErrorBody, OperationInfo
from procman.api.shapes.notify import NotifyInfo
from procman.api.shapes.processes import FiguresInfo, GraphEdgeInfo, GraphInfo, ProcessInfo, Result
from procman.api.shapes.update import MissingInfo, PendingInfo
from procman.api.supervisor_states import supervisor_state
from procman.errors import OperationError, Reason
from procman.services import operations
from procman.services.actors import describe_actor
from procman.services.configuration import ConfiguredProcess, GroupDifferences
from procman.services.figures import ProcessFigures
from procman.services.operations import Operation, Outcome
from procman.services.status import Moment, ProcessStatus

if TYPE_CHECKING:
    from procman.services.confirming import Pending
    from procman.services.graph import GraphNode
    from procman.services.notifications import SectionStatus


def process_info(
    status: ProcessStatus, moment: Moment, lost: int, why: str = "", role: Role | None = None
) -> ProcessInfo:
    """A process at that moment; `lost` bytes of its output could not be written, `why` says why it has failed.

    `role` is that of the client for it, where it may not do everything.
    """
    state = supervisor_state(status.state)
    info = ProcessInfo(
        name=status.name,
        group=status.group,
        namespec=status.namespec,
        description=status.description(moment),
        state=state.code,
        statename=state.name,
        start=status.start,
        stop=status.stop,
        now=moment.now,
        uptime=status.uptime(moment),
        pid=status.pid,
        exitstatus=status.exit_code,
        ending=status.ending,
        last_words=status.last_words,
        last_words_on=status.last_words_on,
        spawnerr=status.reason,
        logfile=status.stdout_log,
        stdout_logfile=status.stdout_log,
        stderr_logfile=status.stderr_log,
        redirect_stderr=status.redirect_stderr,
        wanted=status.wanted,
        restarts=status.restarts,
        flapping_until=status.flapping_until,
        lost=lost,
        why=why,
        phase=status.phase,
        done=status.done,
        ready=status.ready,
        healthy=status.healthy,
        status_text=status.status_text,
        waits_for=list(status.waits_for),
        next=status.next,
        type=status.type.value,
    )
    if role is not None:
        info["role"] = role
    return info


def missing_line(status: ProcessStatus) -> str:
    """Of a process that is wanted up and is not RUNNING."""
    words = status.words if status.phase in ("waiting", "bound") else status.reason
    reason = f" ({words})" if words else ""
    return f"{status.namespec}: {supervisor_state(status.state).name}{reason}"


def unhealthy_line(status: ProcessStatus) -> str:
    """Of a process that is up and unhealthy."""
    return f"{status.namespec}: {supervisor_state(status.state).name} ({status.health})"


def paused_line(status: ProcessStatus, moment: Moment) -> str:
    """Of a process whose health is not looked at for a while."""
    return f"{status.namespec}: {supervisor_state(status.state).name} ({status.description(moment)})"


def graph_info(node: "GraphNode") -> GraphInfo:
    """One process and what it depends on."""
    process = node.process
    return GraphInfo(
        namespec=process.name,
        statename=supervisor_state(process.state).name,
        phase=process.phase.value,
        wanted=process.wanted,
        level=node.level,
        uptime=node.uptime,
        took=None if node.took is None else round(node.took, 3),
        needed_by=list(node.needed_by),
        edges=[
            GraphEdgeInfo(
                target=edge.target,
                condition=edge.condition,
                optional=edge.optional,
                processes=list(edge.processes),
                holds=edge.holds,
            )
            for edge in node.edges
        ],
    )


def figures_info(figures: ProcessFigures) -> FiguresInfo:
    """What a process uses of the machine."""
    return FiguresInfo(
        namespec=figures.namespec,
        pid=figures.pid,
        processes=figures.processes,
        threads=figures.threads,
        rss=figures.rss,
        cpu=figures.cpu,
        fds=figures.fds,
    )


def result_of(outcome: Outcome) -> Result:
    """What became of one process."""
    status = SUCCESS if outcome.reason is None else CODES[outcome.reason].word
    return Result(name=outcome.name, group=outcome.group, status=status, description=outcome.text)


def step_of(step: operations.Step) -> Step:
    """One thing that an update did."""
    shape = Step(group=step.group, action=step.action)
    if step.name is not None:
        shape["name"] = step.name
    if step.options:
        shape["options"] = list(step.options)
    if step.message:
        shape["message"] = step.message
    return shape


def pending_info(pending: "Pending", may: Callable[[str], bool] | None = None) -> PendingInfo:
    """An update to be confirmed; to a client that may know of some processes only, without the others."""
    return PendingInfo(
        operation=pending.operation.id,
        actor=describe_actor(pending.operation.actor),
        began=pending.operation.began,
        stage=pending.stage,
        left=None if pending.left is None else round(pending.left, 3),
        confirmed_by=pending.confirmed_by,
        missing=[
            MissingInfo(name=stand.name, words=stand.words)
            for stand in pending.missing
            if may is None or may(stand.name)
        ],
        reason=pending.reason if may is None else "",
    )


def changes_of(differences: GroupDifferences) -> Changes:
    """What a reread has found."""
    return Changes(
        added=list(differences.added),
        changed=list(differences.changed),
        removed=list(differences.removed),
        notify=list(differences.notify),
        access=list(differences.access),
    )


def notify_info(status: "SectionStatus") -> NotifyInfo:
    """One notify section."""
    counts = status.counts
    return NotifyInfo(
        name=status.rule.name,
        on=list(status.rule.on),
        programs=list(status.rule.programs),
        by="exec" if status.rule.webhook is None else "webhook",
        command=status.command,
        sent=counts.sent,
        failed=counts.failed,
        dropped=counts.dropped,
        waiting=status.waiting,
        reported=list(status.reported),
        last_error=counts.last_error,
        last_error_at=counts.last_error_at,
        last_sent_at=counts.last_sent_at,
    )


def config_info(process: ConfiguredProcess) -> ConfigInfo:
    """One configured process."""
    return ConfigInfo(
        name=process.program.name,
        group=process.group,
        inuse=process.is_active,
        autostart=process.program.autostart,
        group_prio=process.group_priority,
        process_prio=process.program.priority,
        command=process.command,
    )


def operation_info(operation: Operation, may: Callable[[str], bool] | None = None) -> OperationInfo:
    """An operation as it stands; to a client that may know of some processes only, without the others."""
    info = OperationInfo(
        id=operation.id,
        kind=operation.kind,
        targets=list(operation.targets),
        actor=describe_actor(operation.actor),
        began=operation.began,
        ended=operation.ended,
        state="running" if operation.ended is None else "done" if operation.error is None else "failed",
        results=[
            result_of(one)
            for one in operation.outcomes
            if may is None or may(one.namespec) or one.reason is Reason.UNKNOWN_NAME
        ],
        pending=[name for name in operation.pending if may is None or may(name)],
        steps=[step_of(step) for step in operation.steps],
    )
    if operation.error is not None:
        info["error"] = error_body(operation.error)
    return info


def error_body(error: OperationError) -> ErrorBody:
    """An error of the services."""
    return ErrorBody(code=CODES[error.reason].word, message=str(error))

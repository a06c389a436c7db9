"""Opens what a master keeps of its doings: the journal, and the recording of its decisions."""

import asyncio
from functools import partial

from procman.config.schema.configuration import Config
from procman.config.schema.options import MEMORY
from procman.config.secrets import masked
from procman.core.fleet import Fleet
from procman.daemon.context import ProcessContext
from procman.daemon.snapshot import MasterSnapshot
from procman.runtime.bus import Bus
from procman.runtime.engine import Observer
from procman.runtime.journal.journal import Journal
from procman.runtime.journal.translation import Translator
from procman.runtime.output_router import OutputRouter


def open_journal(
    context: ProcessContext, config: Config, fleet: Fleet, outputs: OutputRouter, snapshot: MasterSnapshot | None
) -> Journal:
    """The journal goes on from the snapshot, and writes to its file, if it has one."""
    sequence, path, handed = context.sequence, config.master.journal, None
    journal = Journal(Translator(fleet, hide=masked), sequence, context.records)
    if snapshot is not None:
        sequence.last = snapshot.engine["seq"]
        handed = journal.restore(snapshot.journal)
    if path != MEMORY:
        # A whole feature, and JSON with it, which others need only for clients.
        from procman.runtime.journal.file import JournalFile  # noqa: PLC0415

        report, remark = outputs.report_trouble, outputs.log.info
        operations = context.operations
        file = JournalFile(
            outputs.disks,
            path,
            config.master.journal_maxbytes,
            sequence,
            report=report,
            remark=remark,
            last_operation=lambda: operations.next_id - 1,
        )
        journal.begin(file, handed)
        operations.next_id = max(operations.next_id, file.operations_before + 1)
    return journal


def begin_audit(config: Config, journal: Journal, outputs: OutputRouter) -> None:
    """Tell syslog of clients as long as the journal lives, if that is wanted."""
    if not config.master.audit_syslog:
        return
    # A whole feature: few masters have an audit.
    from procman.daemon.audit import PRIORITY, Audit  # noqa: PLC0415
    from procman.logs.syslog import Syslog  # noqa: PLC0415

    journal.follow(Audit(Syslog("", outputs.log.warn, priority=PRIORITY)).take)


def open_recording(
    context: ProcessContext,
    config: Config,
    fleet: Fleet,
    outputs: OutputRouter,
    *,
    bus: Bus,
    snapshot: MasterSnapshot | None,
) -> Observer | None:
    """What records the decisions of the engine, from now on; None if that is not wanted."""
    if config.master.record is None:
        return None
    # A whole feature: most masters do not record.
    from procman.logs.line_file import LineFile  # noqa: PLC0415
    from procman.runtime.recorder import Recorder  # noqa: PLC0415

    file = LineFile(outputs.disks, config.master.record, config.master.record_maxbytes, "recording", outputs.log.warn)
    recorder = Recorder(fleet, config.master, file, outputs.log.warn)
    bus.guard(partial(recorder.begin, _how_it_begins(context, snapshot), asyncio.get_running_loop().time()))
    return recorder.observe


def _how_it_begins(context: ProcessContext, snapshot: MasterSnapshot | None) -> str:
    if snapshot is not None:
        return "upgrade"
    return "reload" if context.sequence.last else "boot"

"""A program with a schedule as a CronJob."""

from collections.abc import Sequence
from math import ceil

from procman.convert.portability import Carried
from procman.convert.schedules import cron_fields
from procman.convert.views import tmp_volumes
from procman.convert.yaml import Comment, Yaml
from procman.core.spec import FOREVER, Hook
from procman.cron.times import LOCAL

Mapped = dict[str | Comment, Yaml]

_OVERLAP = {"skip": "Forbid", "queue": "Forbid", "restart": "Replace"}
# A name of a CronJob may have so many characters: the time is added to those of its Jobs.
_LONGEST = 52


def cron_job(
    process: Carried, app: str, container: Mapped, notes: list[str], *, before: Sequence[Yaml | Comment] = ()
) -> Mapped | None:
    """The document; None, with a note, where a CronJob cannot say when it runs. `before`: its init containers."""
    program = process.program
    assert program.schedule is not None
    fields = cron_fields(program.schedule)
    if fields is None:
        notes.append(
            f"[{program.section}] is left out: schedule = {program.schedule.text}, which a CronJob cannot say; let it "
            "run more often, and its command look at the date"
        )
        return None
    zone: Mapped = {"timeZone": program.schedule_tz}
    if program.schedule.every is not None:
        zone = {}
        notes.append(f"[{program.section}]: a CronJob goes by the clock, and not from the start of the run before")
    elif program.schedule_tz.lower() == LOCAL:
        zone = {}
        notes.append(f"[{program.section}]: its CronJob goes by the time zone of the control plane: set schedule_tz")
    if program.schedule_overlap == "queue":
        notes.append(f"[{program.section}]: schedule_overlap=queue: a CronJob leaves a run out while one is under way")
    if program.schedule_jitter:
        notes.append(f"[{program.section}]: schedule_jitter, which a CronJob has not")
    if program.depends_on:
        notes.append(f"[{program.section}]: depends_on: a CronJob waits for nothing; have its command wait, or fail")
    deadline: Mapped = {}
    if program.schedule_deadline is not None and program.schedule_missed == "skip":
        # A controller that looks every 10 s misses what has to start within less.
        deadline = {"startingDeadlineSeconds": max(10, ceil(program.schedule_deadline))}
    name = f"{app}-{process.name}"[:_LONGEST].rstrip("-")
    job: Mapped = {}
    if program.startretries != FOREVER:
        job["backoffLimit"] = program.startretries
    if program.run_timeout is not None:
        job["activeDeadlineSeconds"] = ceil(program.run_timeout)
    grace: Mapped = {"terminationGracePeriodSeconds": ceil(program.stopwaitsecs + program.longest_hook(Hook.PRE_STOP))}
    labels: Mapped = {"app.kubernetes.io/name": app}
    init: Mapped = {"initContainers": before} if before else {}
    volumes = tmp_volumes(process)
    mounted: Mapped = {"volumes": volumes} if volumes else {}
    pod: Mapped = {"restartPolicy": "Never", **grace, **mounted, **init, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            Comment(f"schedule = {program.schedule.text}"): None,
            "schedule": fields,
            **zone,
            "concurrencyPolicy": _OVERLAP[program.schedule_overlap],
            **deadline,
            **({} if process.starts else {"suspend": True}),
            "successfulJobsHistoryLimit": program.schedule_history,
            "failedJobsHistoryLimit": program.schedule_history,
            "jobTemplate": {"spec": {**job, "template": {"metadata": {"labels": labels}, "spec": pod}}},
        },
    }

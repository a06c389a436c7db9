"""The endpoints about the master itself, its configuration, and what has happened."""

from typing import Any, Literal

from procman.api.openapi.endpoint import BYTES, NOTHING, Endpoint, Given, events_of, lines_of
from procman.api.openapi.processes import OF_NAMED, PROCESSES, TAIL, TIMEOUT
from procman.api.shapes.access import WhoamiInfo
from procman.api.shapes.answers import (
    ConfirmationAnswer,
    CrashesAnswer,
    JournalAnswer,
    MembershipAnswer,
    SpansAnswer,
    StatesAnswer,
    UpdateAnswer,
    UpgradeAnswer,
)
from procman.api.shapes.configuration import Changes, ConfigInfo, SectionSettings
from procman.api.shapes.crashes import CrashReport
from procman.api.shapes.health import HealthInfo
from procman.api.shapes.journal import JournalRecord, PastReasonInfo
from procman.api.shapes.master import Change, MasterInfo, Snapshot
from procman.api.shapes.notify import NotifyInfo, NotifyResult
from procman.api.shapes.stop_plan import StopPlanInfo
from procman.api.shapes.update import PendingInfo, PlanInfo

_OF_THESE = Given(str, "of these processes and groups, separated by commas, which may be gone")
_AT = Given(float, "then, in seconds since the epoch", required=True)
_CONFIRM = Given(
    float | None,
    "seconds: it goes on, and `pending` is there until it is kept, or rolled back after that time; UNCONFIRMED while "
    "another one waits (none)",
    least=0,
)
_WAITS = {"operation": Given(int | None, "the one that waits, by its id"), "timeout": TIMEOUT}

MASTER = (
    Endpoint("GET", "/v1/whoami", WhoamiInfo, "who the client is to the master, and what it may do"),
    Endpoint("GET", "/v1/openapi.json", dict[str, Any], "this interface as an OpenAPI 3.1 document"),
    Endpoint("GET", "/v1/master", MasterInfo, "the master itself"),
    Endpoint(
        "POST", "/v1/master/shutdown", {"operation": int}, "stops all and ends; it answers before the stop begins"
    ),
    Endpoint(
        "POST",
        "/v1/master/upgrade",
        UpgradeAnswer,
        "the master executes its own code again in a moment, and programs go on",
    ),
    Endpoint("POST", "/v1/master/reload", {"operation": int}, "all programs stop, the file is read again, they start"),
    Endpoint(
        "GET",
        "/v1/master/config",
        {"sections": list[SectionSettings]},
        "the master itself, then each server, and the notify sections",
    ),
    Endpoint(
        "GET",
        "/v1/stop-plan",
        StopPlanInfo,
        "of the active groups",
        query={"budget": Given(str, "compared with that time, such as 10s, instead of docker's and Kubernetes'")},
    ),
    Endpoint(
        "GET",
        "/v1/health",
        HealthInfo,
        "what /readyz answers by its status",
        query={"file": Given(Literal["1"], "also whether the configuration on the disk could be used now")},
    ),
    Endpoint("GET", "/v1/log", BYTES, "the master's own log", query=TAIL),
    Endpoint("POST", "/v1/log/clear", NOTHING, "empties it"),
    Endpoint("POST", "/v1/log/reopen", NOTHING, "what SIGUSR2 does"),
    Endpoint("GET", "/v1/notify", {"sections": list[NotifyInfo]}, "the notify sections"),
    Endpoint("POST", "/v1/notify/{name}/test", NotifyResult, "sends a test message, once"),
    Endpoint(
        "POST",
        "/v1/events/remote",
        NOTHING,
        "REMOTE_COMMUNICATION to event listeners",
        body={"type": Given(str, "", required=True), "data": Given(str, "", required=True)},
    ),
)

CONFIGURATION = (
    Endpoint("GET", "/v1/config", {"processes": list[ConfigInfo]}, "what `avail` shows"),
    Endpoint("POST", "/v1/config/reread", Changes, "reads the file and changes nothing that runs"),
    Endpoint(
        "POST",
        "/v1/config/update",
        UpdateAnswer,
        "reads the file and applies what has changed",
        body={
            "groups": Given(list[str], "of these groups (all)"),
            "dry_run": Given(bool, "only what it would do; there is no operation then (false)"),
            "timeout": TIMEOUT,
            "confirm": _CONFIRM,
        },
    ),
    Endpoint(
        "GET",
        "/v1/config/plan",
        PlanInfo,
        "what an update would do; nothing is changed",
        query={"groups": Given(str, "of these groups, separated by commas")},
    ),
    Endpoint(
        "POST",
        "/v1/config/apply",
        UpdateAnswer,
        "an update as planned; STALE_PLAN if the file, or what runs, has changed since the plan was made",
        body={"plan": Given(PlanInfo, "", required=True), "timeout": TIMEOUT, "confirm": _CONFIRM},
    ),
    Endpoint("GET", "/v1/config/confirmation", {"pending": PendingInfo | None}, "the update that waits for one"),
    Endpoint("POST", "/v1/config/confirm", ConfirmationAnswer, "keeps it; ROLLED_BACK if that cannot be", body=_WAITS),
    Endpoint("POST", "/v1/config/abort", ConfirmationAnswer, "rolls it back", body=_WAITS),
    Endpoint("POST", "/v1/groups/{name}/add", MembershipAnswer, "makes a group of the file active"),
    Endpoint("POST", "/v1/groups/{name}/remove", MembershipAnswer, "removes one that is down"),
)

PAST = (
    Endpoint(
        "GET",
        "/v1/events",
        events_of(snapshot=Snapshot, change=Change),
        "a stream without end: `snapshot` (if there are very many processes, the rest follows at once), then `change`; "
        "ten messages a second at most",
        query={
            "interval": Given(
                float,
                "the shortest time between two messages, in seconds; what changes in between shares one (0.1)",
                least=0.1,
                most=60,
            )
        },
    ),
    Endpoint(
        "GET",
        "/v1/journal",
        JournalAnswer,
        "what has happened",
        query={
            "since": Given(
                str,
                "SEQ: the first of those with a higher number; or 10m, 14:02, 2026-11-29T14:02, @EPOCH: the last of "
                "those since then",
            ),
            "name": _OF_THESE,
            "kind": Given(str, "of these kinds, separated by commas"),
            "limit": Given(
                int,
                "how many at most (1000); with follow and without since, how many at first (0)",
                least=1,
                most=10_000,
            ),
            "follow": Given(Literal["1"], "a stream that does not end; for Accept: text/event-stream, of events"),
        },
        also=(lines_of(JournalRecord), events_of(record=JournalRecord)),
    ),
    Endpoint("GET", "/v1/journal/states", StatesAnswer, "the table as it was", query={"at": _AT, "name": _OF_THESE}),
    Endpoint(
        "GET",
        "/v1/journal/spans",
        SpansAnswer,
        "the states over a time",
        query={"since": _AT, "until": _AT, "name": _OF_THESE},
    ),
    Endpoint(
        "GET",
        "/v1/journal/why",
        PastReasonInfo,
        "why one process was as it was",
        query={"at": _AT, "name": Given(str, "its namespec", required=True)},
    ),
    Endpoint("GET", "/v1/crashes", CrashesAnswer, "also of processes that have left the configuration", query=OF_NAMED),
    Endpoint("GET", "/v1/crashes/{seq}", CrashReport, "one; SEQ may also be the journal's number of an end in between"),
)

ENDPOINTS = (*MASTER, *PROCESSES, *CONFIGURATION, *PAST)

"""The JSON that travels between the master and its clients: field names, types, and the endpoints.

The modules in here have only types, so that a client may import them at no cost. Times are seconds since the epoch.

    GET   /v1/whoami                         WhoamiInfo: who the client is to the master, and what it may do
    GET   /v1/master                         MasterInfo
    POST  /v1/master/shutdown                {"operation": ID}; answers before the stop begins
    POST  /v1/master/upgrade                 {"operation": ID, "upgrades": n}; the master executes its own code again in
                                             a moment, and programs go on; it is done when GET /v1/master says n
    POST  /v1/master/reload                  {"operation": ID}; all programs stop, the file is read again, they start
    GET   /v1/master/config                  {"sections": [SectionSettings]}: the master itself, then each server,
                                             and the notify sections
    GET   /v1/stop-plan                      StopPlanInfo of the active groups
            ?budget=10s                      compared with that time instead of docker's and Kubernetes'
    GET   /v1/health                         HealthInfo; what /readyz answers by its status
            ?file=1                          also whether the configuration on the disk could be used now
    GET   /v1/processes                      {"processes": [ProcessInfo]}
    GET   /v1/processes/SPEC                 {"processes": [ProcessInfo]}
    GET   /v1/processes/SPEC/health          {"checks": [HealthCheckInfo]} of those that have a health check
    POST  /v1/processes/SPEC/health/now      {"looks": [HealthLookInfo]}: looks at each now, and does not count it
    POST  /v1/processes/SPEC/health/pause    {"seconds": N, "reason": ""} -> {"paused": [NAMESPEC]}; with 0 they are
                                             looked at again: {"resumed": [NAMESPEC]}
    GET   /v1/why                            WhyAnswer: of all that is not as it should be, those first that others wait
                                             for
            ?name=SPEC                       of what it names; "procman" is the master itself
    GET   /v1/drift                          DriftAnswer: what running processes have otherwise than a start now would
                                             give them
            ?name=SPEC                       of what it names
    GET   /v1/figures                        {"figures": [FiguresInfo]} of those that have a process
    GET   /v1/limits                         {"limits": [LimitsInfo]} of those that have any
            ?name=SPEC                       of what it names
    GET   /v1/hooks                          {"hooks": [HookInfo]}: which there are, what runs, how each ended last
            ?name=SPEC                       of what it names
    GET   /v1/watches                        {"watches": [WatchInfo]} of those that watch files
            ?name=SPEC                       of what it names
    GET   /v1/given                          {"given": [GivenInfo]} of those that are given something from files
            ?name=SPEC                       of what it names
    GET   /v1/graph                          {"processes": [GraphInfo]} in the order in which they start
    GET   /v1/events                         text/event-stream without end; ten messages a second at most
            event: snapshot                  Snapshot; if there are very many processes, the rest follows at once
            event: change                    Change, as it happens
    GET   /v1/journal                        {"records": [JournalRecord], "next": SEQ}: the oldest first; ask again with
                                             since=SEQ for what comes next
            ?since=SEQ                       those with a higher number; the first of them, if they are too many
            ?since=10m                       or 14:02, 2026-11-29T14:02, @EPOCH: those since then; the last of them
            &name=SPEC,SPEC                  of these processes and groups, which may be gone
            &kind=KIND,KIND                  of these kinds
            &limit=N                         so many at most (1000)
            &follow=1                        a stream that does not end, of lines of JSON; with Accept:
                                             text/event-stream, events named record with their SEQ as id. Without
                                             `since`, `limit` says how many it begins with (none)
    GET   /v1/journal/states                 {"at": N, "known_since": seconds or null, "processes": [PastInfo]}: the
                                             table as it was
            ?at=N                            then, in seconds since the epoch
            &name=SPEC,SPEC                  of these processes, which may be gone
    GET   /v1/journal/spans                  {"since": N, "until": N, "known_since": seconds or null, "processes":
                                             [PastSpans]}
            ?since=N&until=N                 during that time, in seconds since the epoch
            &name=SPEC,SPEC                  of these processes, which may be gone
    GET   /v1/journal/why                    PastReasonInfo
            ?at=N&name=SPEC                  of one process, then
    GET   /v1/processes/SPEC/runs            {"runs": [RunInfo]}: of each process, the oldest first, as far as the
                                             journal has them
    POST  /v1/processes/SPEC/OP              {"operation": ID, "results": [Result]}; OP is start, stop, restart, signal,
                                             clear, or rotate or reopen (its log files)
    POST  /v1/processes/OP                   the same for {"names": [SPEC, ...]}
            the body of both: {"wait": bool (true; of logs always), "timeout": seconds (none),
            "signal": "HUP" (for signal)};
            after `timeout` it answers with what is known, and {"pending": [namespec]}; the operation goes on
    POST  /v1/processes/SPEC/run             one process, now: lines of JSON, each a RunEvent, to the end of the run; it
                                             goes on if the client leaves
            the body: {"args": [str], "env": {NAME: str}, "follow": bool (true)}; false: {"operation": ID} at once
    GET   /v1/processes/SPEC/run             the same of the run that is under way
    POST  /v1/processes/SPEC/attach          one process with a terminal: lines of JSON, each a TerminalEvent, until it
                                             has settled; you are attached as long as the connection lasts
            the body: {"rows": int, "columns": int} (as they are)
    GET   /v1/processes/SPEC/attach          the same for one that only reads
    POST  /v1/processes/SPEC/debug           the same of a run for this client; when that has ended, or the connection,
                                             the process is as it was before
            the body: {"command": [str] (its own), "env": {NAME: str}, "rows": int, "columns": int}
    POST  /v1/processes/SPEC/chaos           ChaosInfo: makes one process fail, and watches it and what depends on it
            the body: {"what": "kill", "stop" or "unready", "seconds": N (of the last two), "dry": bool (false)};
            dry: only what should follow
    GET   /v1/chaos/ID                       ChaosInfo; the last 20 are kept
            ?timeout=N                       when it is over, or after N seconds (at most 60)
    GET   /v1/terminals                      {"terminals": [TerminalClient]}: all that are attached
    POST  /v1/terminals/NUMBER/input         {}; types the body at the terminal of that client, see TerminalEvent
    POST  /v1/terminals/NUMBER/size          {} for {"rows": int, "columns": int}
    GET   /v1/operations                     {"operations": [OperationInfo]}, the latest first; of those that have ended
                                             100 at most are kept
    GET   /v1/operations/ID                  OperationInfo
            ?timeout=N                       when it has ended, or after N seconds
    GET   /v1/sockets                        {"sockets": [SocketInfo]}: where procman listens for programs
            ?name=SPEC                       for these processes
    GET   /v1/crashes                        {"crashes": [CrashInfo], "note": str}, the latest first; `note` says why
                                             some may be missing, "" if none is
            ?name=SPEC                       of these processes, also of those that have left the configuration
    GET   /v1/crashes/SEQ                    CrashReport; SEQ may also be the journal's number of an end in between
    GET   /v1/schedules                      {"schedules": [ScheduleInfo]}, the one that comes first at first
            ?name=SPEC                       of these processes
            &count=N                         the next N times of each (1, at most 1000)
    GET   /v1/runs                           {"runs": [JobRunInfo]}: the last runs of one-shots, the oldest first
            ?name=SPEC                       of these processes
    GET   /v1/scale                          {"scales": [ScaleInfo]}: the programs that may have several processes
    POST  /v1/scale                          {"operation": ID, "scale": ScaleInfo, "before": N, "steps": [Step]} for
                                             {"scale": "web=4", "web+1" or "web-1", "timeout": seconds}; more than
                                             numprocs_max is FAILED; without that, more than the file says takes
                                             configure
    GET   /v1/rolling                        {"rolling": [RollingInfo]}: those that go on, have stopped, or can be put
                                             back
            ?name=SPEC                       of these processes or programs
    POST  /v1/rolling/restart                {"operation": ID, "results": [Result]} for {"names": [SPEC or program],
                                             "batch": "2" or "25%" (rolling_batch), "wait": bool (true), "timeout":
                                             seconds}; ROLLING where it has stopped, or another one is under way
    POST  /v1/rolling/continue               the same for {"names": [...]}: goes on where it has stopped
    POST  /v1/rolling/abort                  the same: ends it, and puts the earlier definition back
    GET   /v1/processes/SPEC/config          {"sections": [SectionSettings]}: of each process, its group's first
    POST  /v1/processes/SPEC/stdin           {}; writes the body to the process's stdin
    GET   /v1/processes/SPEC/log/CHANNEL     bytes; CHANNEL is stdout or stderr
            ?tail=N                          the last N bytes (1600)
            ?offset=N&length=N               as supervisor's readProcessStdoutLog
            ?follow=1                        a stream that does not end
    GET   /v1/logs                           several logs as one: lines of JSON, each a LogPiece
            ?name=SPEC,SPEC&channel=stdout   of these (all; both channels)
            ?lines=N                         the last N lines of each (10)
            ?since=SECONDS                   what was written since then (since the epoch), to within a second
            ?follow=1                        and what comes
    GET   /v1/log                            the master's own log, with the same queries
    POST  /v1/log/clear                      {}
    POST  /v1/log/reopen                     {}; what SIGUSR2 does
    GET   /v1/config                         {"processes": [ConfigInfo]}; what `avail` shows
    POST  /v1/config/reread                  Changes; reads the file and changes nothing that runs
    POST  /v1/config/update                  {"operation": ID, "steps": [Step]} for {"groups": [NAME] (all),
                                             "dry_run": bool (false; else there is no operation), "timeout": seconds,
                                             "confirm": seconds}: with this it goes on, and "pending": PendingInfo is
                                             there, until it is kept, or rolled back after that time; UNCONFIRMED
                                             while another one waits; "role": that of the client, where it has another
                                             one now
    GET   /v1/config/plan                    PlanInfo: what an update would do; nothing is changed
            ?groups=NAME,NAME                of these groups
    POST  /v1/config/apply                   as update, for {"plan": PlanInfo, "confirm": seconds, "timeout": seconds};
                                             STALE_PLAN if the file, or what runs, has changed since it was made
    GET   /v1/config/confirmation            {"pending": PendingInfo or null}
    POST  /v1/config/confirm                 {"operation": ID, "result": "kept"} for {"operation": ID (the one that
                                             waits), "timeout": seconds}; "confirmed" if it is not kept yet by then;
                                             ROLLED_BACK if it cannot be
    POST  /v1/config/abort                   {"operation": ID, "result": "rolled back"}, or "aborted", for the same
    GET   /v1/notify                         {"sections": [NotifyInfo]}
    POST  /v1/notify/NAME/test               NotifyResult; sends a test message, once; BAD_NAME
    POST  /v1/events/remote                  {} for {"type": str, "data": str}: REMOTE_COMMUNICATION to event listeners
    POST  /v1/groups/NAME/add                {"operation": ID, "result": "added"}; ALREADY_ADDED or BAD_NAME
    POST  /v1/groups/NAME/remove             {"operation": ID, "result": "removed"}; STILL_RUNNING or BAD_NAME

SPEC is a name, group:name, group:*, all, or a glob, percent-encoded.
An error answers with its HTTP status and {"error": ErrorBody}: 404 for BAD_NAME, 409 where the state forbids it,
403 for a read-only account (FORBIDDEN), 400 for what cannot be understood, 503 while shutting down.
"""

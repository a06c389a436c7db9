"""Processes of process-compose as programs: nearly all of it has a counterpart."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from procman.config.formats.procfile import shell_words
from procman.convert.imports.compose import command_of
from procman.convert.imports.draft import Draft, Section, duration, ready
from procman.convert.imports.paths import beside
from procman.convert.imports.process_compose_probes import probe
from procman.convert.imports.shapes import FLAG, MAPPING, NUMBER, NUMBERS, TEXTS, VARIABLES, report_misfits
from procman.convert.imports.shell_variables import fill_in
from procman.convert.imports.source import Keys, Node, Ready, Source, absent
from procman.convert.imports.values import schedule_fits, seconds_of, signal_of, variables_of
from procman.convert.imports.yaml_tree import yaml_of

_RESTARTS: dict[str, bool | str] = {
    "no": False,
    "always": True,
    "on_failure": "unexpected",
    "on-failure": "unexpected",
    "exit_on_failure": False,
}
_CONDITIONS = {
    "process_started": "started",
    "process_healthy": "ready",
    "process_log_ready": "ready",
    "process_completed": "exited",
    "process_completed_successfully": "done",
}
SHAPES = {
    "environment": VARIABLES,
    "depends_on": MAPPING,
    "replicas": NUMBER,
    "success_exit_codes": NUMBERS,
    **dict.fromkeys(("entrypoint", "env_file"), TEXTS),
    **dict.fromkeys(("disabled", "is_tty", "is_daemon"), FLAG),
}
_HARMLESS_AT_TOP = (
    "version", "is_strict", "log_level", "is_tui_disabled", "disable_env_expansion", "name", "is_dotenv_disabled",
    "ordered_shutdown", "log_length",
)  # fmt: skip


def read(sources: Sequence[Source]) -> Draft:
    """The files, of which later ones override earlier ones; raises Unreadable."""
    draft = Draft("process-compose", tuple(source.path for source in sources))
    whole = yaml_of(sources[0])
    for source in sources[1:]:
        whole = _merged(whole, yaml_of(source))
    top = Keys(whole, "", draft.report)
    processes = top.take("processes")
    if processes is None or not processes.mapping:
        raise absent(whole, "processes", "there are no processes in it: expected processes: with a name below")
    for key in _HARMLESS_AT_TOP:
        top.harmless(key, "nothing is needed for it")
    for key in [key for key in whole.mapping if key.startswith("x-")]:
        top.harmless(key, "nothing is needed for it")
    _Processes(draft, top, processes).read()
    draft.remarks.append("process-compose also reads .env: each program has env_file for it, which need not exist.")
    top.finish()
    return draft


def _merged(before: Node, after: Node) -> Node:
    if isinstance(before.value, Mapping) and isinstance(after.value, Mapping):
        inner = dict(before.value)
        for name, item in after.value.items():
            inner[name] = _merged(inner[name], item) if name in inner else item
        return replace(before, value=inner)
    return after


class _Processes:
    """All processes of a project."""

    def __init__(self, draft: Draft, top: Keys, processes: Node) -> None:
        self.draft = draft
        self.top = top
        self.processes = processes
        self.sections: dict[str, Section] = {}
        self.keys: dict[str, Keys] = {}
        self.shell = self._shell()
        self.expands = top.text("disable_env_expansion") != "true"
        environment = top.take("environment")
        self.shared = variables_of(environment) if environment is not None else []
        conditions = [
            (name, how.mapping["condition"].text)
            for process in processes.mapping.values()
            for name, how in (process.mapping["depends_on"].mapping if "depends_on" in process.mapping else {}).items()
            if "condition" in how.mapping
        ]
        self.done = {name for name, word in conditions if word == "process_completed_successfully"}

    def _shell(self) -> tuple[str, str]:
        shell = self.top.inner("shell")
        if shell is None:
            return ("sh", "-c")
        command, argument = shell.text("shell_command") or "bash", shell.text("shell_argument") or "-c"
        shell.finish()
        return (command, argument)

    def read(self) -> None:
        for name, node in self.processes.mapping.items():
            keys = self.keys[name] = Keys(node, f"processes.{name}", self.draft.report)
            if isinstance(node.value, Mapping):
                self._process(name, keys)
            else:
                self.draft.report.lost(node, keys.path, "a mapping was expected here")
        for name, section in self.sections.items():
            self._depends_on(section, self.keys[name])
            report_misfits(self.keys[name], SHAPES)
            self.keys[name].finish()

    def _process(self, name: str, keys: Keys) -> None:
        words = self._words(keys)
        if not words:
            why = f"it has no command, so nothing is imported of it{keys.inside()}"
            self.draft.report.lost(keys.node, keys.path, why)
            keys.taken |= set(keys.node.mapping)
            return
        section = self.sections[name] = self.draft.section(name, keys.node, keys.path)
        section.set("command", words, keys.at("command"))
        self._place(section, keys)
        self._restart(name, section, keys)
        self._stop(section, keys)
        for key in ("readiness_probe", "liveness_probe"):
            inner = keys.inner(key)
            if inner is not None:
                probe(section, inner, ready=key == "readiness_probe")
        line = keys.text("ready_log_line")
        if line is not None:
            if any(letter in line for letter in "\\^$.|?+()[]{}*"):
                keys.approximated("ready_log_line", "the text is taken as it is, and not as a regular expression")
            section.add("ready", ready("log:", line), place=keys.at("ready_log_line"))
        self._schedule(section, keys)
        self._output(section, keys)
        for key in (
            "description",
            "namespace",
            "log_configuration",
            "is_elevated",
            "is_foreground",
            "vars",
            "is_template",
        ):
            if key in ("description", "namespace"):
                keys.harmless(key, "nothing is needed for it")
            elif key == "is_foreground":
                if keys.text(key) == "true":
                    section.set("pty", value=True, place=keys.at(key))
            else:
                keys.lost(key, "procman has nothing like it")

    def _words(self, keys: Keys) -> list[str]:
        entrypoint = keys.take("entrypoint")
        if entrypoint is not None and entrypoint.items:
            return [self._filled(item.text, item, keys.name("entrypoint")) for item in entrypoint.items]
        text = keys.text("command") or ""
        if not text.strip():
            return []
        text = text.strip().replace("$$", "$") if self.expands else text.strip()
        if self.shell == ("sh", "-c"):
            return shell_words(text)
        return [*self.shell, text]

    def _filled(self, text: str, place: Node, key: str) -> str:
        if not self.expands:
            return text
        filled = fill_in(text)
        for decided in filled.decided:
            self.draft.report.approximated(place, key, decided)
        return filled.text

    def _place(self, section: Section, keys: Keys) -> None:
        directory = keys.text("working_dir")
        if directory is not None:
            place = keys.at("working_dir")
            path = self._filled(directory, place, keys.name("working_dir"))
            section.set("directory", beside("%(here)s", path), place)
        else:
            section.set("directory", Ready("%(here)s"))
        environment = keys.take("environment")
        own = variables_of(environment) if environment is not None else []
        for name, value in [*self.shared, *own]:
            if value is not None:
                text = self._filled(value.text, value, keys.name("environment"))
                section.variable(name, text, environment or value)
        env_file = keys.take("env_file")
        files = [ready("?", item.text) for item in env_file.items] if env_file is not None else []
        if keys.text("is_dotenv_disabled") != "true" and self.top.text("is_dotenv_disabled") != "true":
            files.insert(0, Ready("?.env" if directory is None else "?%(here)s/.env"))
        if files:
            section.set("env_file", files, env_file)
        disabled = keys.text("disabled") == "true"
        if disabled:
            section.set("autostart", value=False, place=keys.at("disabled"))
        replicas = keys.text("replicas")
        if replicas is not None and replicas.isdecimal() and int(replicas) > 1:
            section.set("numprocs", int(replicas), keys.at("replicas"))
            section.set("process_name", Ready("%(program_name)s-%(process_num)d"), keys.at("replicas"))
            section.variable("PC_REPLICA_NUM", Ready("%(process_num)d"), keys.at("replicas"))
        if keys.text("is_tty") == "true":
            section.set("pty", value=True, place=keys.at("is_tty"))
        if keys.text("is_daemon") == "true":
            keys.lost("is_daemon", "what goes to the background by itself cannot be watched: run it in the foreground")
        keys.lost("launch_timeout_seconds", "it is for what goes to the background by itself")

    def _restart(self, name: str, section: Section, keys: Keys) -> None:
        availability = keys.inner("availability")
        policy = availability.text("restart") if availability is not None else None
        restart = _RESTARTS.get(policy or "no")
        if availability is not None and restart is None:
            availability.lost("restart", f"there is no policy {policy}: expected no, always or on_failure")
        place = availability.at("restart") if availability is not None else None
        oneshot = name in self.done and not restart
        codes = keys.take("success_exit_codes")
        if codes is not None:
            section.set(
                "exitcodes", [0, *(int(c.text) for c in codes.items if c.text.isdecimal() and c.text != "0")], codes
            )
        if oneshot:
            section.set("type", "oneshot", place)
        else:
            section.set("autorestart", restart or False, place)
            section.set("startsecs", 0)
        if availability is None:
            return
        most = availability.text("max_restarts")
        if most is not None and most.isdecimal() and int(most):
            section.set("restart_limit", f"{most}/24h", availability.at("max_restarts"))
            availability.approximated("max_restarts", "restarts of the last 24 h count")
        delay = availability.text("backoff_seconds")
        if restart:
            seconds = seconds_of(delay) if delay is not None else 1
            if seconds:
                section.set("backoff", duration(seconds), availability.at("backoff_seconds") if delay else None)
            section.set("startretries", "forever")
        if availability.text("exit_on_end") == "true" or availability.text("exit_on_skipped") == "true":
            section.set("critical", value=True, place=availability.at("exit_on_end"))
        if policy == "exit_on_failure":
            section.set("critical", value=True, place=place)
            availability.approximated("restart", "a success ends procman, too")
        availability.finish()

    def _stop(self, section: Section, keys: Keys) -> None:
        # It signals the process group.
        scope, wait = "group", 10.0
        shutdown = keys.inner("shutdown")
        place: Node | None = None
        if shutdown is not None:
            command = shutdown.take("command")
            if command is not None:
                text = command_of(
                    Node(self._filled(command.text, command, shutdown.name("command")), command.file, command.line)
                )
                section.add("stop_command", text or "", place=command)
            limit = shutdown.text("timeout_seconds")
            wait = float(limit) if limit is not None and limit.isdecimal() else wait
            word = shutdown.text("signal")
            name = signal_of(word) if word is not None else None
            if name is not None:
                section.set("stopsignal", name, shutdown.at("signal"))
            if shutdown.text("parent_only") in ("true", "yes"):
                scope = "process"
            place = shutdown.node
            shutdown.finish()
        section.set("stop_scope", scope, place)
        section.set("stopwaitsecs", duration(wait or 10), place)

    def _schedule(self, section: Section, keys: Keys) -> None:
        schedule = keys.inner("schedule")
        if schedule is None:
            return
        cron, every = schedule.text("cron"), schedule.text("interval")
        seconds = seconds_of(every) if every is not None else None
        if cron is not None and schedule_fits(cron):
            section.set("schedule", cron, schedule.at("cron"))
        elif seconds:
            section.set("schedule", f"every {duration(seconds)}", schedule.at("interval"))
        else:
            keys.lost("schedule", f"procman has no such schedule{schedule.inside()}")
            return
        for option in ("autorestart", "startsecs", "backoff", "startretries", "restart_limit"):
            section.options.pop(option, None)
        section.set("type", "oneshot", schedule.node)
        zone = schedule.text("timezone")
        if zone is not None:
            section.set("schedule_tz", zone, schedule.at("timezone"))
        if schedule.text("run_on_start") == "true":
            section.set("run_on_start", value=True, place=schedule.at("run_on_start"))
        if schedule.text("max_concurrent") == "1":
            section.set("schedule_overlap", "skip", schedule.at("max_concurrent"))
        schedule.finish()

    def _output(self, section: Section, keys: Keys) -> None:
        location = keys.text("log_location")
        if location is not None:
            path = self._filled(location, keys.at("log_location"), keys.name("log_location"))
            section.set("stdout_logfile", beside("%(here)s", path), keys.at("log_location"))
            section.set("stdout_logfile_maxbytes", 0, keys.at("log_location"))
            section.set("redirect_stderr", value=True, place=keys.at("log_location"))
            return
        section.set("stdout_logfile", "NONE" if keys.text("disable_logs") == "true" else "-")

    def _depends_on(self, section: Section, keys: Keys) -> None:
        node = keys.take("depends_on")
        edges = []
        for name, how in (node.mapping if node is not None else {}).items():
            inner = Keys(how, f"{keys.path}.depends_on.{name}", self.draft.report)
            word = inner.text("condition") or "process_completed_successfully"
            condition = _CONDITIONS.get(word, "started")
            if word not in _CONDITIONS:
                inner.lost("condition", f"there is no condition {word}")
            inner.finish()
            if name not in self.sections:
                keys.lost("depends_on", f"{name} is not imported")
                continue
            target = self.sections[name]
            if condition == "ready" and word == "process_healthy" and target.get("ready") is None:
                condition = "healthy" if target.get("health") is not None else "ready"
            edges.append(f"{target.name}@{condition}")
            if condition == "done" and target.get("type") != "oneshot":
                target.set("type", "oneshot", how)
                for option in ("autorestart", "startsecs", "backoff"):
                    target.options.pop(option, None)
        if edges:
            section.set("depends_on", edges, node)

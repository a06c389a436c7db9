"""Apps of pm2 as programs, from JSON, YAML or the object literal of an ecosystem.config.js."""

import os
import re
from collections.abc import Mapping, Sequence

from procman.convert.imports.draft import Draft, Section, duration
from procman.convert.imports.javascript import literal_of
from procman.convert.imports.paths import beside, each_its_own, is_of_windows
from procman.convert.imports.shapes import FLAG, MAPPING, NUMBER, NUMBERS, TEXTS, WATCHED, report_misfits
from procman.convert.imports.source import Keys, Node, Ready, Source, absent
from procman.convert.imports.values import bytes_of, seconds_of, size
from procman.convert.imports.yaml_tree import yaml_of
from procman.errors import BadRequest
from procman.system.shell_split import split_words

_INTERPRETERS = {
    ".js": "node", ".cjs": "node", ".mjs": "node", ".py": "python3", ".sh": "bash", ".rb": "ruby", ".pl": "perl",
    ".php": "php", ".ts": "bun", ".tsx": "bun", ".coffee": "coffee", ".ls": "lsc",
}  # fmt: skip
# Names of pm2 for the same thing.
_ALIASES = {
    "output": "out_file", "out": "out_file", "out_log": "out_file", "error": "error_file", "err_log": "error_file",
    "err_file": "error_file", "exec_interpreter": "interpreter", "node_args": "interpreter_args",
    "nodeArgs": "interpreter_args", "ignoreWatch": "ignore_watch", "max_restart": "max_restarts",
    "log": "log_file", "combine_logs": "merge_logs", "exec": "script", "cron": "cron_restart",
    "restart_at": "cron_restart",
}  # fmt: skip
_HARMLESS = {
    "name": "",
    "merge_logs": "all its processes may write to one log",
    "vizion": "nothing is needed for it",
    "pmx": "nothing is needed for it",
    "automation": "nothing is needed for it",
    "treekill": "",
    "exec_mode": "",
    "instance_var": "",
    "time": "",
    "force": "nothing is needed for it",
    "source_map_support": "nothing is needed for it",
    "disable_source_map_support": "nothing is needed for it",
    "namespace": "nothing is needed for it",
    "pid_file": "procman knows its pid: procmanctl pid",
}
_LOST = {
    "cron_restart": "it would be restarted then: max_age restarts it after a time, and schedule runs a task",
    "wait_ready": "it speaks over node's own channel: ready = notify or listen:PORT does the same",
    "listen_timeout": "start_timeout does the same, with ready",
    "log_file": "there is one log for each stream: stdout_logfile may name several files",
    "log_date_format": "log_timestamp is for the console",
    "post_update": "procman deploys nothing",
    "increment_var": "environment may hold %(process_num)d",
    "filter_env": "environment_unset does the same",
    "shutdown_with_message": "it gets a signal",
}
_KILL_AFTER = 1600
SHAPES = {
    "env": MAPPING,
    "stop_exit_codes": NUMBERS,
    "watch": WATCHED,
    **dict.fromkeys(("args", "interpreter_args", "ignore_watch"), TEXTS),
    **dict.fromkeys(("autorestart", "treekill"), FLAG),
    **dict.fromkeys(("kill_timeout", "max_restarts", "restart_delay", "exp_backoff_restart_delay"), NUMBER),
}


def read(sources: Sequence[Source], *, env: str = "") -> Draft:
    """One ecosystem file; `env` chooses env_NAME; raises Unreadable."""
    if len(sources) != 1:
        raise BadRequest("expected one ecosystem file")
    (source,) = sources
    draft = Draft("pm2", (source.path,))
    if source.path.endswith((".yml", ".yaml")):
        whole = yaml_of(source)
    else:
        literal = literal_of(source)
        whole = literal.node
        for line, name in literal.defaults:
            how = "its default is written, whatever the environment says"
            draft.report.approximated(Node(None, source.path, line), f"process.env.{name}", how)
    top = Keys(whole, "", draft.report)
    apps = whole if isinstance(whole.value, list) else (top.take("apps") or top.take("pm2"))
    listed = apps.items if apps is not None and not apps.mapping else ([apps] if apps is not None else [])
    if not listed:
        raise absent(whole, "apps", "there are no apps in it: expected { apps: [{ script: … }] }")
    for number, node in enumerate(listed):
        if not isinstance(node.value, Mapping):
            draft.report.lost(node, f"apps[{number}]", "an object was expected here")
            continue
        name = node.mapping["name"].text if "name" in node.mapping else ""
        path = f"apps.{name or number}"
        renamed = {key: value for key, value in node.mapping.items() if key not in _ALIASES}
        written = {}
        for key, value in node.mapping.items():
            if key not in _ALIASES:
                continue
            if renamed.setdefault(_ALIASES[key], value) is value:
                written[_ALIASES[key]] = key
            else:
                draft.report.lost(value, f"{path}.{key}", f"{_ALIASES[key]} is the same, and there, too")
        keys = Keys(Node(renamed, node.file, node.line), path, draft.report, written=written)
        _App(draft, keys, env).read()
    draft.remarks.append(
        "pm2 makes the folders of its logs; here they have to exist: procman check names those that do not."
    )
    top.lost("deploy", "procman deploys nothing")
    top.finish()
    return draft


class _App:
    """One app."""

    def __init__(self, draft: Draft, keys: Keys, env: str) -> None:
        self.draft = draft
        self.keys = keys
        self.env = env

    def read(self) -> None:
        keys = self.keys
        words, script = self._words()
        if not words:
            why = f"it has no script, so nothing is imported of it{keys.inside()}"
            self.draft.report.lost(keys.node, keys.path, why)
            return
        stem = os.path.basename(script).rpartition(".")[0] or os.path.basename(script)
        section = self.draft.section(keys.text("name") or stem, keys.node, keys.path)
        section.set("command", words, keys.at("script"))
        cwd = keys.text("cwd")
        if cwd is not None and is_of_windows(cwd):
            keys.lost("cwd", "this is a path of Windows: write that of this machine")
            cwd = None
        section.set("directory", beside("%(here)s", cwd or "."), keys.at("cwd") if cwd is not None else None)
        for key, option in (("uid", "user"), ("gid", "user_group")):
            text = keys.text(key)
            if text is not None:
                section.set(option, text, keys.at(key))
        if is_of_windows(script):
            keys.lost("script", "this is a path of Windows: write that of this machine")
        self._instances(section)
        self._environment(section)
        self._restarts(section)
        self._stop(section)
        self._limits(section)
        self._watch(section)
        self._output(section)
        for key, why in _HARMLESS.items():
            keys.harmless(key, why)
        for key, why in _LOST.items():
            found = keys.node.mapping.get(key)
            if found is not None and found.value in (False, None, 0, ""):
                keys.harmless(key, "it is off")
            else:
                keys.lost(key, why)
        for key in [key for key in keys.left() if key.startswith("env_")]:
            keys.lost(key, f"--env {key.removeprefix('env_')} takes it")
        report_misfits(keys, SHAPES)
        keys.finish()

    def _words(self) -> tuple[list[str], str]:
        keys = self.keys
        script = keys.text("script")
        if script is None:
            return [], ""
        interpreter = keys.text("interpreter")
        suffix = os.path.splitext(script)[1]
        words: list[str] = []
        script_words = [script]
        if interpreter is None and (" " in script):
            script_words = self._split("script")
        if interpreter not in (None, "none", ""):
            words.append(interpreter or "")
        elif interpreter is None and suffix in _INTERPRETERS and len(script_words) == 1:
            words.append(_INTERPRETERS[suffix])
        words += self._split("interpreter_args") if words else []
        if not words:
            keys.lost("interpreter_args", "there is no interpreter")
        words += script_words
        return [*words, *self._split("args")], script

    def _split(self, key: str) -> list[str]:
        node = self.keys.take(key)
        if node is None:
            return []
        if not node.is_scalar:
            return [item.text for item in node.items]
        try:
            words = split_words(node.text)
        except ValueError as error:
            self.keys.lost(key, f"it cannot be split into words: {error}")
            return []
        return [Ready(word) for word in words] if isinstance(node.text, Ready) else words

    def _instances(self, section: Section) -> None:
        keys = self.keys
        text = keys.text("instances")
        if text is None:
            text = "1"
        cluster = (keys.text("exec_mode") or "fork").startswith("cluster")
        # As many as there are processors, which pm2 also writes as 0, or as many without some.
        number: int | str = int(text) if text.lstrip("-").isdecimal() else 1
        if text == "max" or number == 0:
            number = "auto"
        elif int(number) < 0 or not text.lstrip("-").isdecimal():
            keys.lost("instances", f"{text}: numprocs is a number, or auto for one of each processor")
            number = 1
        variable = keys.text("instance_var") or "NODE_APP_INSTANCE"
        if number != 1:
            section.set("numprocs", number, keys.at("instances"))
            section.set("process_name", Ready("%(program_name)s-%(process_num)d"), keys.at("instances"))
            section.variable(variable, Ready("%(process_num)d"), keys.at("instances"))
        if cluster and number != 1:
            keys.lost(
                "exec_mode",
                "node's cluster shares one port; here give each a port, or have it use SO_REUSEPORT or sockets",
            )

    def _environment(self, section: Section) -> None:
        keys = self.keys
        for key in ("env", f"env_{self.env}" if self.env else ""):
            node = keys.take(key) if key else None
            for name, value in (node.mapping if node is not None else {}).items():
                if value.value is None:
                    continue
                if value.is_scalar:
                    section.variable(name, value.text, value)
                else:
                    keys.lost(key, f"{name} is no text")
        file = keys.text("env_file")
        if file is not None:
            section.set("env_file", [file], keys.at("env_file"))

    def _restarts(self, section: Section) -> None:
        keys = self.keys
        again = keys.text("autorestart") != "false"
        section.set("autorestart", again, keys.at("autorestart") if "autorestart" in keys.node.mapping else None)
        if keys.text("autostart") == "false":
            section.set("autostart", value=False, place=keys.at("autostart"))
        codes = keys.take("stop_exit_codes")
        if codes is not None:
            section.set("norestart_exitcodes", [int(c.text) for c in codes.items if c.text.isdecimal()], codes)
        uptime = keys.text("min_uptime")
        seconds = _milliseconds(uptime) if uptime is not None else 1.0
        if seconds is None:
            keys.lost("min_uptime", f"cannot read the duration {uptime}")
        elif uptime is not None:
            section.set("startsecs", duration(seconds), keys.at("min_uptime"))
        most = keys.text("max_restarts")
        if most is not None and most.isdecimal():
            section.set("startretries", int(most), keys.at("max_restarts"))
            keys.approximated("max_restarts", "failed starts in a row count, not all restarts: those before min_uptime")
        else:
            section.set("startretries", 16)
        delay, growing = keys.text("restart_delay"), keys.text("exp_backoff_restart_delay")
        first = _milliseconds(growing or delay or "0")
        if first:
            key = "exp_backoff_restart_delay" if growing else "restart_delay"
            section.set("backoff", f"{duration(min(first, 15))}..15s" if growing else duration(first), keys.at(key))
        if growing and first:
            section.set("backoff_factor", 1.5, keys.at("exp_backoff_restart_delay"))
            if delay is not None:
                keys.lost("restart_delay", "exp_backoff_restart_delay says otherwise")

    def _stop(self, section: Section) -> None:
        keys = self.keys
        section.set("stopsignal", "INT")
        text = keys.text("kill_timeout") or str(_KILL_AFTER)
        seconds = _milliseconds(text)
        section.set(
            "stopwaitsecs",
            duration(seconds or _KILL_AFTER / 1000),
            keys.at("kill_timeout") if "kill_timeout" in keys.node.mapping else None,
        )
        if keys.text("treekill") != "false":
            section.set("stop_scope", "tree")

    def _limits(self, section: Section) -> None:
        text = self.keys.text("max_memory_restart")
        count = bytes_of(text) if text is not None else None
        if count:
            section.set("memory_restart", size(count), self.keys.at("max_memory_restart"))
        elif text is not None:
            self.keys.lost("max_memory_restart", f"cannot read the size {text}")

    def _watch(self, section: Section) -> None:
        keys = self.keys
        node = keys.take("watch")
        ignored = keys.take("ignore_watch")
        if node is None or node.value is False:
            return
        paths = ["**"] if node.value is True else [_watched(item.text) for item in node.items]
        section.set("watch", paths, node)
        if ignored is not None:
            section.set("watch_ignore", [item.text for item in ignored.items], ignored)
        delay = keys.text("watch_delay")
        if delay is not None and _milliseconds(delay):
            section.set("watch_debounce", duration(_milliseconds(delay) or 1), keys.at("watch_delay"))
        keys.lost("watch_options", "files are watched by the kernel")

    def _output(self, section: Section) -> None:
        keys = self.keys
        out, error = keys.text("out_file"), keys.text("error_file")
        for key, option, path in (("out_file", "stdout_logfile", out), ("error_file", "stderr_logfile", error)):
            if path is not None and "\\" in path:
                keys.lost(key, "this is a path of Windows: write that of this machine")
                path = None  # noqa: PLW2901 - as if it was not there
            if path is None:
                section.set(option, "AUTO")
            elif path in ("/dev/null", "NULL"):
                section.set(option, "NONE", keys.at(key))
            else:
                whole = path if path.startswith("~") else beside(str(section.get("directory")), path)
                if section.get("numprocs") is not None and keys.text("merge_logs") != "true":
                    whole = each_its_own(whole)
                section.set(option, whole, keys.at(key))
        if keys.text("time") == "true":
            keys.lost("time", "log_timestamp is for the console: a log has the lines as they are")
        kind = keys.text("log_type")
        if kind is not None and kind != "raw":
            keys.lost("log_type", "a log has the lines as they are; log_format is for the console")


def _watched(path: str) -> str:
    path = path.removeprefix("./").rstrip("/") or "."
    last = path.rpartition("/")[2]
    return path if re.search(r"[*?\[]", path) or "." in last.lstrip(".") else f"{path}/"


def _milliseconds(text: str) -> float | None:
    """A number of milliseconds, or a text such as 10s or 1h."""
    return seconds_of(text, 0.001)

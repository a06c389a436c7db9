"""Watchers of a circus.ini as programs."""

import re
from collections.abc import Sequence
from configparser import Error, MissingSectionHeaderError, ParsingError, RawConfigParser

from procman.config.schema.kinds.limits import UNLIMITED
from procman.convert.imports.draft import Draft, Section, cleaned, duration, ready
from procman.convert.imports.paths import each_its_own
from procman.convert.imports.source import Keys, Node, Ready, Source, Unreadable
from procman.convert.imports.values import signal_of, size
from procman.system.shell_split import split_words

_VARIABLE = re.compile(r"(?:\$\(|\(\()circus\.([A-Za-z_]+)(?:\.([A-Za-z0-9_.-]+))?(?:\)\)|\))", re.IGNORECASE)
_HARMLESS_OF_CIRCUS = (
    "check_delay", "endpoint", "pubsub_endpoint", "stats_endpoint", "endpoint_owner", "umask", "statsd", "loglevel",
    "logoutput", "loggerconfig", "pidfile", "debug", "httpd", "httpd_host", "httpd_port", "include", "include_dir",
    "warmup_delay", "multicast_endpoint", "ssh_server", "proc_name", "statsd_close_outputs", "papa_endpoint",
)  # fmt: skip
_HARMLESS = {
    "copy_env": "it has the variables of procman (environment_inherit)",
    "copy_path": "it has the variables of procman",
    "close_child_stdin": "its stdin is /dev/null",
    "close_child_stdout": "stdout_logfile = NONE does the same",
    "close_child_stderr": "stderr_logfile = NONE does the same",
    "singleton": "numprocs is 1",
    "send_hup": "option reload says how it reads its configuration again",
    "use_papa": "sockets are held by procman",
    "async_kill": "stops do not block",
    "stdin_socket": "",
}
_RLIMITS = {
    "as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
    "sigpending", "stack",
}  # fmt: skip
_GRACE = 30
_TRUE = ("true", "yes", "on", "1")


def read(sources: Sequence[Source]) -> Draft:
    """The files, of which later ones overlay earlier ones; raises Unreadable."""
    draft = Draft("circus", tuple(source.path for source in sources))
    sections: dict[str, dict[str, Node]] = {}
    places: dict[str, Node] = {}
    for source in sources:
        _parse(source, sections, places, draft)
    reading = _Watchers(draft, sections, places)
    if not reading.watchers:
        raise Unreadable(sources[0].path, 1, "there is no watcher in it: expected [watcher:NAME] with cmd = …")
    reading.read()
    return draft


def _parse(source: Source, sections: dict[str, dict[str, Node]], places: dict[str, Node], draft: Draft) -> None:
    parser = RawConfigParser(strict=False, interpolation=None, inline_comment_prefixes=(";",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names of variables keep their case
    try:
        parser.read_string(source.text, source.path)
    except MissingSectionHeaderError as error:
        what = "expected a section such as [watcher:NAME] before it"
        if error.line.lstrip().startswith("["):
            what = "a section begins with [ and ends with ]: close it"
        raise Unreadable(source.path, error.lineno, what) from None
    except ParsingError as error:
        line = error.errors[0][0] if error.errors else None
        raise Unreadable(source.path, line, "cannot read this line: expected NAME = VALUE") from None
    except Error as error:
        raise Unreadable(source.path, None, str(error).replace("\n", " ")) from None
    lines, overridden = _lines(source.text)
    for name, key, line in overridden:
        draft.report.lost(Node(None, source.path, line), f"[{name}].{key}", f"line {lines[name, key]} counts instead")
    for name in parser.sections():
        places.setdefault(name, Node(None, source.path, lines.get((name, ""), 1)))
        found = sections.setdefault(name, {})
        for key, value in parser.items(name):
            # Circus has the parser fill in values, for which %% is a percent sign.
            found[key] = Node(value.replace("%%", "%"), source.path, lines.get((name, key), 1))


def _lines(text: str) -> tuple[dict[tuple[str, str], int], list[tuple[str, str, int]]]:
    """The line of each section and of each of its options; and section, option, line of what a later one replaces."""
    found: dict[tuple[str, str], int] = {}
    overridden = []
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\[([^\]]+)\]", line)
        option = re.match(r"([^\s=:#;\[][^=:]*?)\s*[=:]", line)
        if header is not None:
            section = header[1]
            found.setdefault((section, ""), number)
        elif option is not None:
            if (section, option[1]) in found:
                overridden.append((section, option[1], found[section, option[1]]))
            found[section, option[1]] = number
    return found, overridden


class _Watchers:
    """All sections of the files."""

    def __init__(self, draft: Draft, sections: dict[str, dict[str, Node]], places: dict[str, Node]) -> None:
        self.draft = draft
        self.sections = sections
        self.places = places
        self.watchers = {name: name.partition(":")[2] for name in sections if name.startswith("watcher:")}
        self.environments = {name: self._keys(name) for name in sections if name.startswith("env:")}
        self.needs: dict[str, None] = {}

    def _keys(self, name: str) -> Keys:
        place = self.places[name]
        return Keys(Node(self.sections[name], place.file, place.line), f"[{name}]", self.draft.report)

    def read(self) -> None:
        for name in self.sections:
            if name.startswith("socket:"):
                self._socket(name)
        by_priority = sorted(
            self.watchers,
            key=lambda name: (
                -int(self.sections[name]["priority"].text)
                if "priority" in self.sections[name] and self.sections[name]["priority"].text.lstrip("-").isdecimal()
                else 0
            ),
        )
        for name in self.watchers:
            self._watcher(name, by_priority.index(name))
        for name in self.sections:
            if name == "circus":
                circus = self._keys(name)
                for key in _HARMLESS_OF_CIRCUS:
                    circus.harmless(key, "procman has its own")
                if "include" in circus.node.mapping or "include_dir" in circus.node.mapping:
                    circus.taken -= {"include", "include_dir"}
                    for key in ("include", "include_dir"):
                        if key in circus.node.mapping:
                            self.draft.report.lost(circus.at(key), circus.name(key), "name those files, too")
                            circus.taken.add(key)
                circus.finish("procman has its own")
            elif not name.startswith(("watcher:", "socket:", "env:")) and name != "env":
                what = "procman has nothing like it"
                self.draft.report.lost(self.places[name], f"[{name}]", what)
                self._keys(name).finish(what)
        for keys in self.environments.values():
            keys.finish("no watcher has this name")
        if self.needs:
            self.draft.remarks.append(f"These variables have to be set where procman starts: {', '.join(self.needs)}.")

    def _filled(self, node: Node, key: str) -> Ready:
        """The text with circus' variables in procman's notation."""
        parts: list[str] = []
        at = 0
        for found in _VARIABLE.finditer(node.text):
            parts.append(node.text[at : found.start()])
            at = found.end()
            kind, name = found[1].lower(), found[2] or ""
            if kind == "env":
                self.needs[name] = None
                parts.append(Ready(f"%(ENV_{name})s"))
            elif kind == "wid":
                parts.append(Ready("%(process_num)d"))
            elif kind == "sockets":
                parts.append(
                    str(3 + self._used_sockets().index(name.lower()) if name.lower() in self._used_sockets() else 3)
                )
            else:
                self.draft.report.lost(node, key, f"{found[0]} is not known here")
        parts.append(node.text[at:])
        return ready(*parts)

    def _used_sockets(self) -> list[str]:
        return [name.partition(":")[2].lower() for name in self.sections if name.startswith("socket:")]

    def _socket(self, name: str) -> None:
        keys = self._keys(name)
        called = cleaned(name.partition(":")[2])
        path, host, port = keys.text("path"), keys.text("host") or "127.0.0.1", keys.text("port")
        if path is None and port is None:
            self.draft.report.lost(keys.node, f"[{name}]", "it has neither a port nor a path")
            return
        section = self.draft.section(called, keys.node, name, "socket")
        if path is not None:
            section.set("listen", [ready("unix://", self._filled(keys.at("path"), keys.name("path")))], keys.at("path"))
        else:
            shown = "*" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host  # noqa: S104 - what the file says
            section.set("listen", [f"tcp://{shown}:{port}"], keys.at("port"))
        backlog = keys.text("backlog")
        if backlog is not None and backlog.isdecimal():
            section.set("backlog", int(backlog), keys.at("backlog"))
        if (keys.text("so_reuseport") or "").lower() in _TRUE:
            section.set("reuseport", value=True, place=keys.at("so_reuseport"))
        umask = keys.text("umask")
        if umask is not None and path is not None and re.fullmatch("[0-7]+", umask):
            section.set("mode", f"{0o777 & ~int(umask, 8):04o}", keys.at("umask"))
        for key in ("family", "type", "replace", "blocking", "proto"):
            keys.harmless(key, "the address says it")
        keys.finish()

    def _watcher(self, name: str, rank: int) -> None:
        keys = self._keys(name)
        words = self._words(keys)
        if not words:
            self.draft.report.lost(keys.node, f"[{name}]", "it has no cmd, so nothing is imported of it")
            keys.finish("nothing is imported of it")
            return
        section = self.draft.section(self.watchers[name], keys.node, name)
        section.set("command", words, keys.at("cmd"))
        for key, option in (("working_dir", "directory"), ("uid", "user"), ("gid", "user_group")):
            node = keys.take(key)
            if node is not None:
                section.set(option, self._filled(node, keys.name(key)), node)
        number = _number(keys, "numprocesses")
        if number is not None and number > 1:
            section.set("numprocs", number, keys.at("numprocesses"))
            section.set("process_name", Ready("%(program_name)s_%(process_num)d"), keys.at("numprocesses"))
            section.set("numprocs_start", 1, keys.at("numprocesses"))
        elif number == 0:
            section.set("autostart", value=False, place=keys.at("numprocesses"))
        if (keys.text("autostart") or "true").lower() not in _TRUE:
            section.set("autostart", value=False, place=keys.at("autostart"))
        if keys.text("priority") is not None:
            section.set("priority", 100 + rank, keys.at("priority"))
            keys.approximated("priority", "low numbers start first here, and stop last")
        self._environment(section, name, keys)
        self._restarts(section, keys)
        self._stop(section, keys)
        self._limits(section, keys)
        self._sockets(section, keys)
        for stream in ("stdout", "stderr"):
            self._output(section, keys, stream)
        for key, why in _HARMLESS.items():
            keys.harmless(key, why)
        for key in [key for key in keys.node.mapping if key.startswith("hooks.")]:
            keys.lost(key, "it is a function of Python: pre_start and others are commands")
        keys.finish()

    def _words(self, keys: Keys) -> list[str]:
        node, more = keys.take("cmd"), keys.take("args")
        if node is None or not node.text.strip():
            return []
        text = self._filled(node, keys.name("cmd"))
        if more is not None:
            text = Ready(f"{text} {self._filled(more, keys.name('args'))}")
        if (keys.text("shell") or "").lower() in _TRUE:
            keys.lost("shell_args", "the shell gets its command alone")
            return ["sh", "-c", text]
        try:
            return [Ready(word) for word in split_words(text)]
        except ValueError as error:
            keys.lost("cmd", f"it cannot be split into words: {error}")
            return []

    def _environment(self, section: Section, name: str, keys: Keys) -> None:
        virtualenv = keys.take("virtualenv")
        if virtualenv is not None:
            path = self._filled(virtualenv, keys.name("virtualenv"))
            section.variable("VIRTUAL_ENV", path, virtualenv)
            section.variable("PATH", ready(path, Ready("/bin:%(ENV_PATH)s")), virtualenv)
            keys.approximated("virtualenv", "VIRTUAL_ENV and PATH are set, as activating it does")
        keys.lost("virtualenv_py_ver", "its python says it")
        called = self.watchers[name]
        for other, found in self.environments.items():
            wanted = [word.strip() for word in other.partition(":")[2].split(",")]
            if called not in wanted and not any(_matches(pattern, called) for pattern in wanted):
                continue
            for variable in found.node.mapping:
                node = found.take(variable)
                if node is not None:
                    value = self._filled(node, found.name(variable))
                    section.variable(variable, Ready(value.replace(f"${variable}", f"%(ENV_{variable})s")), node)
        shared = self.sections.get("env", {})
        for variable, node in shared.items():
            if variable not in (section.get("environment") or {}):  # type: ignore[operator]
                self.draft.report.kept(node, f"[env].{variable}")
                section.variable(variable, self._filled(node, variable), node)

    def _restarts(self, section: Section, keys: Keys) -> None:
        again = (keys.text("respawn") or "true").lower() in _TRUE
        section.set("autorestart", again, keys.at("respawn") if "respawn" in keys.node.mapping else None)
        retries = _number(keys, "max_retry")
        if retries is not None:
            section.set("startretries", retries if retries >= 0 else "forever", keys.at("max_retry"))
        else:
            section.set("startretries", 5)
        age, variance = _number(keys, "max_age"), _number(keys, "max_age_variance")
        if age is not None and age > 0:
            section.set("max_age", f"{age}s", keys.at("max_age"))
            if variance is not None and variance >= 0:
                section.set("max_age_jitter", min(100, round(variance * 100 / age)), keys.at("max_age_variance"))
        keys.lost("retry_in", "backoff says how long to wait before the next start")
        keys.lost("graceful", "nothing here reloads by itself")
        delay = keys.text("warmup_delay")
        if delay is not None and delay != "0":
            keys.lost("warmup_delay", "processes start at once; start_concurrency limits how many")
        keys.lost("on_demand", "lazy = true starts it with the first connection")

    def _stop(self, section: Section, keys: Keys) -> None:
        word = keys.text("stop_signal")
        name = signal_of(word) if word is not None else None
        if name is not None:
            section.set("stopsignal", name, keys.at("stop_signal"))
        elif word is not None:
            keys.lost("stop_signal", f"there is no signal {word}")
        text = keys.text("graceful_timeout")
        try:
            seconds = float(text) if text is not None else _GRACE
        except ValueError:
            keys.lost("graceful_timeout", f"cannot read the number {text}")
            seconds = _GRACE
        section.set("stopwaitsecs", duration(seconds), keys.at("graceful_timeout") if text is not None else None)
        if (keys.text("stop_children") or "").lower() in _TRUE:
            section.set("stop_scope", "tree", keys.at("stop_children"))

    def _limits(self, section: Section, keys: Keys) -> None:
        for key in [key for key in keys.node.mapping if key.startswith("rlimit_")]:
            if key.removeprefix("rlimit_") not in _RLIMITS:
                continue
            text = keys.text(key)
            if text is not None:
                value = "unlimited" if text in ("", str(UNLIMITED)) else text
                section.set(key, value, keys.at(key))

    def _sockets(self, section: Section, keys: Keys) -> None:
        if (keys.text("use_sockets") or "").lower() not in _TRUE:
            return
        sockets = [other for other in self.draft.sections if other.kind == "socket"]
        if sockets:
            section.set("sockets", [socket.name for socket in sockets], keys.at("use_sockets"))
            keys.approximated("use_sockets", "its descriptors are 3, 4, …, in the order of the sections")

    def _output(self, section: Section, keys: Keys, stream: str) -> None:
        prefix = f"{stream}_stream."
        kind = (keys.text(f"{prefix}class") or "").rpartition(".")[2]
        file = keys.take(f"{prefix}filename")
        option = f"{stream}_logfile"
        if file is not None:
            path = self._filled(file, keys.name(f"{prefix}filename"))
            if section.get("numprocs") is not None:
                path = each_its_own(path)
                keys.approximated(f"{prefix}filename", "each of its processes has a log of its own")
            section.set(option, path, file)
            count = _number(keys, f"{prefix}max_bytes")
            section.set(f"{option}_maxbytes", size(max(0, count or 0)))
            backups = _number(keys, f"{prefix}backup_count")
            if backups is not None and backups >= 0:
                section.set(f"{option}_backups", backups, keys.at(f"{prefix}backup_count"))
        else:
            section.set(option, "-", keys.at(f"{prefix}class") if kind else None)
            if kind not in ("", "StdoutStream", "FancyStdoutStream"):
                keys.lost(f"{prefix}class", f"procman has nothing like {kind}")
        keys.harmless(f"{prefix}refresh_time", "nothing is buffered")
        keys.lost(f"{prefix}time_format", "a log has the lines as they are; log_timestamp is for the console")


def _matches(pattern: str, name: str) -> bool:
    if "*" not in pattern:
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def _number(keys: Keys, key: str) -> int | None:
    """The whole number of a key; what is none is reported."""
    text = keys.text(key)
    if text is None:
        return None
    if not text.removeprefix("-").isdecimal():
        keys.lost(key, f"{text} is no whole number")
        return None
    return int(text)

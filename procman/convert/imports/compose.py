"""Services of compose files as programs on this machine. What belongs to images and networks is lost, and said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from procman.convert.imports.compose_keys import HARMLESS, LOST, LOST_AT_TOP, SHAPES, limits, services_of_deploy
from procman.convert.imports.draft import Draft, Section, duration, ready
from procman.convert.imports.shapes import MAPPINGS, report_misfits
from procman.convert.imports.shell_variables import fill_in
from procman.convert.imports.source import Keys, Node, Ready, Source, absent
from procman.convert.imports.values import joined, seconds_of, signal_of, variables_of
from procman.convert.imports.views import view_of_service
from procman.convert.imports.yaml_tree import yaml_of
from procman.system.shell_split import split_words

_RESTARTS = {"no": False, "always": True, "unless-stopped": True}
_CONDITIONS = {
    "service_started": "started",
    "service_healthy": "healthy",
    "service_completed_successfully": "done",
}
# With these, what a list of a later file says replaces that of an earlier one.
_REPLACED = ("command", "entrypoint", "test")
_DEFAULT_INTERVAL = 30  # of a health check, and its time-out
_GRACE = 10


def read(sources: Sequence[Source]) -> Draft:
    """The files, of which later ones override earlier ones; raises Unreadable."""
    draft = Draft("compose", tuple(source.path for source in sources))
    whole = yaml_of(sources[0])
    for source in sources[1:]:
        whole = _merged(whole, yaml_of(source))
    needs: dict[str, None] = {}
    top = Keys(_filled(whole, "", draft, needs), "", draft.report)
    services = top.take("services")
    if services is None or not services.mapping:
        raise absent(whole, "services", "there are no services in it: expected services: with a name below")
    for key, why in LOST_AT_TOP.items():
        top.lost(key, why)
    for key in [key for key in top.node.mapping if key.startswith("x-") or key in ("version", "name")]:
        top.harmless(key, "nothing is needed for it")
    secrets = top.take("secrets")
    reading = _Services(draft, services, secrets)
    reading.read()
    top.finish()
    if needs:
        draft.remarks.append(
            f"These variables have to be set where procman starts: {joined(needs)}. compose takes them from .env, too: "
            "set -a; . ./.env does that in a shell."
        )
    draft.remarks.append(
        "All programs share one machine: a service that was reached by its name (db:5432) is at localhost now, and no "
        "two may listen on one port."
    )
    return draft


def _merged(before: Node, after: Node, key: str = "") -> Node:
    """What a later file makes of an earlier one: mappings are merged, lists appended, and single values replaced."""
    if isinstance(before.value, Mapping) and isinstance(after.value, Mapping):
        inner = dict(before.value)
        for name, item in after.value.items():
            inner[name] = _merged(inner[name], item, name) if name in inner else item
        return replace(before, value=inner)
    lists = isinstance(before.value, Sequence) and isinstance(after.value, Sequence)
    if lists and not isinstance(before.value, str) and not isinstance(after.value, str) and key not in _REPLACED:
        return replace(before, value=[*before.items, *after.items])
    return after


def _filled(node: Node, path: str, draft: Draft, needs: dict[str, None]) -> Node:
    """The tree with its variables in procman's notation."""
    if isinstance(node.value, Mapping):
        inner = {key: _filled(item, f"{path}.{key}" if path else key, draft, needs) for key, item in node.value.items()}
        return replace(node, value=inner)
    if isinstance(node.value, str):
        filled = fill_in(node.value)
        needs |= dict.fromkeys(filled.needs)
        for decided in filled.decided:
            draft.report.approximated(node, path, decided)
        return replace(node, value=filled.text)
    if isinstance(node.value, Sequence):
        return replace(node, value=[_filled(item, path, draft, needs) for item in node.items])
    return node


class _Services:
    """All services of a project."""

    def __init__(self, draft: Draft, services: Node, secrets: Node | None) -> None:
        self.draft = draft
        self.services = services
        self.secrets = secrets.mapping if secrets is not None else {}
        self.sections: dict[str, Section] = {}
        self.keys: dict[str, Keys] = {}
        self.done = self._waited_for_until_done()

    def _waited_for_until_done(self) -> set[str]:
        found = set()
        for service in self.services.mapping.values():
            depends = service.mapping.get("depends_on")
            for name, how in (depends.mapping if depends is not None else {}).items():
                condition = how.mapping.get("condition")
                if condition is not None and condition.text == "service_completed_successfully":
                    found.add(name)
        return found

    def read(self) -> None:
        for name, node in self.services.mapping.items():
            keys = Keys(node, f"services.{name}", self.draft.report)
            if not isinstance(node.value, Mapping):
                self.draft.report.lost(node, keys.path, "a mapping was expected here")
                continue
            self.keys[name] = keys
            self._service(name, keys)
        for name, section in self.sections.items():
            self._depends_on(section, self.keys[name])
        for name, keys in self.keys.items():
            if name in self.sections:
                report_misfits(keys, SHAPES)
                keys.finish()

    def _service(self, name: str, keys: Keys) -> None:
        place = keys.node
        words = _words(keys, "entrypoint") + _words(keys, "command")
        if not words:
            why = "the image decides what it runs, so nothing is imported of it: add a command, and install that here"
            self.draft.report.lost(place, keys.path, why + keys.inside())
            return
        section = self.sections[name] = self.draft.section(name, place, keys.path)
        self.draft.report.kept(place, keys.path)
        command = keys.at("command" if "command" in keys.node.mapping else "entrypoint")
        section.set("command", words, command)
        for key, why in LOST.items():
            keys.lost(key, why)
        for key, why in HARMLESS.items():
            keys.harmless(key, why)
        for key in [key for key in place.mapping if key.startswith("x-")]:
            keys.harmless(key, "it is for other tools")
        self._place(section, keys)
        self._environment(section, keys)
        self._restart(name, section, keys)
        self._stop(section, keys)
        _health(section, keys)
        _hooks(section, keys)
        _watch(section, keys)
        limits(section, keys)
        view_of_service(section, keys)
        services_of_deploy(section, keys)
        self._output(section, keys)
        self._secrets(section, keys)

    def _place(self, section: Section, keys: Keys) -> None:
        directory = keys.text("working_dir")
        if directory is not None:
            section.set("directory", directory, keys.at("working_dir"))
            if "image" in keys.node.mapping or "build" in keys.node.mapping:
                keys.approximated("working_dir", "it was a folder of the image: it has to exist here")
        user = keys.text("user")
        if user is not None:
            name, _, group = user.partition(":")
            section.set("user", Ready(name), keys.at("user"))
            if group:
                section.set("user_group", Ready(group), keys.at("user"))
        groups = keys.take("group_add")
        if groups is not None:
            section.set("supplementary_groups", [item.text for item in groups.items], groups)
        scale = keys.text("scale")
        if scale is not None and scale.isdecimal():
            _numprocs(section, int(scale), keys.at("scale"))
        profiles = keys.take("profiles")
        if profiles is not None and profiles.items:
            section.set("autostart", value=False, place=profiles)
            keys.approximated("profiles", "it is started by procmanctl start, not with the rest")

    def _environment(self, section: Section, keys: Keys) -> None:
        environment = keys.take("environment")
        for name, value in variables_of(environment) if environment is not None else ():
            if value is not None:
                section.variable(name, Ready(value.text), environment)
        files = keys.take("env_file")
        paths = []
        for item in files.items if files is not None else ():
            if item.is_scalar:
                paths.append(item.text)
                continue
            inner = Keys(item, keys.name("env_file"), keys.report)
            required = inner.take("required")
            raw = inner.text("format") == "raw"
            path = ready(Ready("raw:" if raw else ""), inner.text("path") or "")
            paths.append(ready("?", path) if required is not None and required.value is False else path)
            inner.finish()
        if isinstance(files, Node) and files.mapping:
            keys.lost("env_file", "expected a path, or a list of them")
        if paths and files is not None:
            section.set("env_file", paths, files)
            if any(not re.match(r"\??(raw:)?/", path) for path in paths) and section.get("directory") is not None:
                keys.approximated("env_file", "a relative path begins at directory: check it")

    def _restart(self, name: str, section: Section, keys: Keys) -> None:
        node = keys.take("restart")
        text = node.text if node is not None else "no"
        word, _, most = text.partition(":")
        tries = int(most) if most.isdecimal() else None
        if name in self.done:
            section.set("type", "oneshot", node)
            if word == "on-failure":
                section.set("startretries", "forever" if tries is None else tries, node)
            elif word != "no":
                keys.approximated("restart", "others wait until it is done, so it is a one-shot")
            return
        if word == "on-failure":
            section.set("autorestart", "unexpected", node)
        elif word in _RESTARTS:
            section.set("autorestart", _RESTARTS[word], node)
        else:
            keys.lost("restart", f"there is no policy {word!r}: expected no, always, on-failure or unless-stopped")
            return
        if word == "unless-stopped":
            keys.approximated("restart", "a new master starts it even if it was stopped by hand")
        if word == "no":
            section.set("startsecs", 0, node)
            return
        # As docker does: after 0.1 s, 0.2 s, … 1 min.
        section.set("startretries", "forever" if tries is None else tries, node)
        section.set("backoff", "100ms..1m", node)

    def _stop(self, section: Section, keys: Keys) -> None:
        word = keys.text("stop_signal")
        if word is not None:
            name = signal_of(word)
            if name is None:
                keys.lost("stop_signal", f"there is no signal {word}")
            else:
                section.set("stopsignal", name, keys.at("stop_signal"))
        grace = keys.text("stop_grace_period")
        seconds = _GRACE if grace is None else seconds_of(grace)
        if seconds is None:
            keys.lost("stop_grace_period", f"cannot read the duration {grace}")
        elif seconds != _GRACE:
            section.set("stopwaitsecs", duration(seconds), keys.at("stop_grace_period"))
        # A container leaves nothing behind.
        section.set("leftovers", "stop")

    def _output(self, section: Section, keys: Keys) -> None:
        if keys.text("tty") == "true":
            section.set("pty", value=True, place=keys.at("tty"))
        stdin = keys.take("stdin_open")
        if stdin is not None and stdin.value is True and section.get("pty") is None:
            keys.lost("stdin_open", "without tty, a program here has no stdin that stays open")
        section.set("stdout_logfile", "-")

    def _secrets(self, section: Section, keys: Keys) -> None:
        used = keys.take("secrets")
        for item in used.items if used is not None else ():
            name = item.text if item.is_scalar else (item.mapping["source"].text if "source" in item.mapping else "")
            file = self.secrets[name].mapping.get("file") if name in self.secrets else None
            if file is None:
                keys.lost("secrets", f"there is no file for the secret {name}")
                continue
            section.add("credentials", ready(Ready(name), ":", Ready(file.text)), place=used)
            keys.approximated("secrets", "it is in the folder $CREDENTIALS_DIRECTORY, not in /run/secrets")

    def _depends_on(self, section: Section, keys: Keys) -> None:
        node = keys.take("depends_on")
        if node is None:
            return
        waits = [(item.text, Node({}, item.file, item.line)) for item in node.items] or list(node.mapping.items())
        edges = []
        for name, how in waits:
            if name not in self.sections:
                keys.lost("depends_on", f"{name} is not imported")
                continue
            inner = Keys(how, f"{keys.path}.depends_on.{name}", keys.report)
            said = inner.text("condition") or "service_started"
            condition = _CONDITIONS.get(said)
            if condition is None:
                inner.lost("condition", f"there is no condition {said}")
                condition = "started"
            if condition == "healthy" and self.sections[name].get("health") is None:
                inner.approximated("condition", f"{name} has no health check that is known here, so it is @started")
                condition = "started"
            optional = inner.text("required") == "false"
            if inner.text("restart") == "true":
                section.set("on_dependency_restart", "restart", how)
            inner.finish()
            edges.append(f"{self.sections[name].name}@{condition}{'?' if optional else ''}")
        if edges:
            section.set("depends_on", edges, node)


def _words(keys: Keys, key: str) -> list[str]:
    """The words of a command, which compose splits as procman does."""
    node = keys.take(key)
    if node is None:
        return []
    if not node.is_scalar:
        return [item.text for item in node.items]
    try:
        return [Ready(word) for word in split_words(node.text)]
    except ValueError as error:
        keys.lost(key, f"it cannot be split into words: {error}")
        return []


def _numprocs(section: Section, number: int, place: Node) -> None:
    if number == 0:
        section.set("autostart", value=False, place=place)
    elif number > 1:
        section.set("numprocs", number, place)
        section.set("process_name", Ready("%(program_name)s_%(process_num)d"), place)
        section.set("numprocs_start", 1, place)


def command_of(node: Node) -> Ready | None:
    """A command of a hook or a check, as one text: through a shell where it is one text there."""
    if node.is_scalar:
        return Ready(f"sh -c {quoted(node.text)}")
    return Ready(" ".join(quoted(item.text) for item in node.items)) if node.items else None


def quoted(word: str) -> str:
    """A word for a command line."""
    if re.fullmatch(r"[\w@%+=:,./()-]+", word) and "(" not in word.replace("%(", ""):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _health(section: Section, keys: Keys) -> None:
    check = keys.inner("healthcheck")
    if check is None:
        return
    test = check.take("test")
    first = test.items[0].text if test is not None and test.items else ""
    if check.text("disable") == "true" or first == "NONE" or test is None:
        if test is None:
            check.lost("interval", "the image has the command of the check")
        check.finish("without a command, nothing is checked")
        return
    command: Ready | None = None
    if test.is_scalar:
        command = command_of(test)
    elif first == "CMD-SHELL":
        command = command_of(Node(Ready(" ".join(item.text for item in test.items[1:])), test.file, test.line))
    elif first == "CMD":
        command = command_of(Node(test.items[1:], test.file, test.line))
    if command is None:
        check.lost("test", "expected a text, or a list that begins with CMD or CMD-SHELL")
        return
    section.set("health", ready("exec:", command), test)
    for key, option, usual in (
        ("interval", "health_interval", _DEFAULT_INTERVAL),
        ("timeout", "health_timeout", _DEFAULT_INTERVAL),
        ("start_period", "health_start_period", 0),
    ):
        text = check.text(key)
        seconds = usual if text is None else seconds_of(text)
        if seconds is None:
            check.lost(key, f"cannot read the duration {text}")
        elif seconds:
            section.set(option, duration(seconds), check.at(key))
    retries = check.text("retries")
    if retries is not None and retries.isdecimal():
        section.set("health_retries", max(1, int(retries)), check.at("retries"))
    check.approximated("start_interval", "health_interval holds from the start")
    # Docker does nothing by itself.
    section.set("on_unhealthy", "none", test)
    check.finish()


def _hooks(section: Section, keys: Keys) -> None:
    for key in ("pre_start", "post_start", "pre_stop"):
        node = keys.take(key)
        for item in node.items if node is not None else ():
            inner = Keys(item, keys.name(key), keys.report)
            command = inner.take("command")
            text = command_of(command) if command is not None else None
            if text is None:
                keys.lost(key, "there is no command in one of them")
                continue
            user = inner.text("user")
            if user is not None and user not in ("root", "0"):
                inner.lost("user", "a hook runs as the user of the program, or of the master")
            section.add(key, ready("+" if user in ("root", "0") else "", text), place=node)
            inner.finish()


def _watch(section: Section, keys: Keys) -> None:
    develop = keys.inner("develop")
    if develop is None:
        return
    report_misfits(develop, {"watch": MAPPINGS})
    rules = develop.take("watch")
    develop.finish()
    for item in rules.items if rules is not None else ():
        rule = Keys(item, f"{keys.path}.develop.watch", keys.report)
        action, path = rule.text("action"), rule.text("path")
        if path is None or action not in ("restart", "sync+restart"):
            rule.lost("action", f"{action}: there is nothing to copy to or to build here; only restarts are taken")
            rule.taken |= set(item.mapping)
            continue
        rule.harmless("target", "the files are used where they are")
        included = rule.take("include")
        folder = path.rstrip("/").removeprefix("./") or "."
        names = [part.text for part in included.items] if included is not None else []
        paths = [Ready(f"{folder}/{name}") for name in names] or [Ready(_folder(folder))]
        section.add("watch", *paths, place=rules)
        ignored = rule.take("ignore")
        if ignored is not None:
            section.add("watch_ignore", *(part.text for part in ignored.items), place=ignored)
        rule.finish()


def _folder(path: str) -> str:
    """A folder with the / that says so; what has a suffix is a file."""
    return path if "." in path.rpartition("/")[2].lstrip(".") else f"{path}/"

"""Probes of process-compose: ready and health here."""

from procman.convert.imports.compose import command_of
from procman.convert.imports.draft import Section, duration, escaped, ready
from procman.convert.imports.source import Keys, Node, Ready

_PERIOD = 10


def probe(section: Section, keys: Keys, *, ready: bool) -> None:
    """A readiness probe is `ready`, a liveness probe `health`; both look in the same way."""
    condition = _condition(keys)
    if condition is None:
        keys.finish("there is nothing to look at")
        return
    place = keys.node
    period, delay = _number(keys, "period_seconds", _PERIOD), _number(keys, "initial_delay_seconds", 0)
    limit, failures = _number(keys, "timeout_seconds", 1), _number(keys, "failure_threshold", 3)
    if ready:
        section.add("ready", condition, place=place)
        section.set("ready_interval", duration(period), keys.at("period_seconds"))
        section.set("start_timeout", duration(max(1, delay + period * failures)), keys.at("failure_threshold"))
        section.options.pop("startsecs", None)
        how = "it holds until the first success; later failures do not count (add health for that)"
        keys.approximated("failure_threshold", how)
        keys.approximated("initial_delay_seconds", "it is looked at from the start")
        keys.approximated("timeout_seconds", "each look may take 1 s")
    else:
        section.set("health", condition, place)
        section.set("health_interval", duration(period), keys.at("period_seconds"))
        section.set("health_timeout", duration(limit), keys.at("timeout_seconds"))
        section.set("health_retries", failures, keys.at("failure_threshold"))
        if delay:
            section.set("health_start_period", delay, keys.at("initial_delay_seconds"))
    if _number(keys, "success_threshold", 1) != 1:
        keys.lost("success_threshold", "one success is enough")
    keys.finish()


def _number(keys: Keys, key: str, usual: int) -> int:
    text = keys.text(key)
    return int(text) if text is not None and text.isdecimal() and int(text) else usual


def _condition(keys: Keys) -> Ready | None:
    http, run = keys.inner("http_get"), keys.inner("exec")
    if run is not None:
        command = run.take("command")
        folder = run.text("working_dir")
        run.finish()
        if command is None:
            return None
        text = f"cd {escaped(folder)} && {escaped(command.text)}" if folder else escaped(command.text)
        found = command_of(Node(Ready(text.replace("$$", "$")), command.file, command.line))
        return None if found is None else ready("exec:", found)
    if http is None:
        return None
    scheme, host = http.text("scheme") or "http", http.text("host") or "127.0.0.1"
    port, path = http.text("port") or "80", http.text("path") or "/"
    url = f"{scheme}://{host}:{port}{path if path.startswith('/') else f'/{path}'}"
    status = http.text("status_code")
    http.lost("headers", "a look sends no headers of its own; exec:curl … can")
    http.harmless("num_port", "it is the same as port")
    if status is not None:
        http.approximated("status_code", "every status from 200 to 399 counts (probe_http_status)")
    http.finish()
    if scheme.lower() != "http":
        return ready("exec:curl -fsSk ", url)
    return ready(url)

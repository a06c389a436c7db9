"""A message in words, and as Slack, Discord, a template, or a command get it."""

import json
from dataclasses import dataclass
from string import Template

from procman.config.schema.kinds.addresses import split_url
from procman.config.schema.kinds.notifications import TOLD
from procman.config.schema.notify import Notify
from procman.notify.message import Item, Message

# Discord refuses more; Slack cuts what is longer than 40,000.
LONGEST_TEXT = 1900

_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
_DISCORD_HOSTS = ("discord.com", "discordapp.com")
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Sender:
    """Where a message comes from."""

    host: str
    identifier: str  # of the master


def text_of(message: Message, sender: Sender) -> str:
    """For people: a line for each process, after the name of the machine."""
    if message.test:
        return f"procman on {sender.host}: this is a test of [notify:{message.section}]"
    lines = [_line(item) for item in message.items]
    if message.more:
        lines.append(f"and {message.more} more")
    text = (
        f"procman on {sender.host}: {lines[0]}"
        if len(lines) == 1
        else "\n".join([f"procman on {sender.host}:", *lines])
    )
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def fields_of(message: Message, sender: Sender) -> dict[str, object]:
    """Everything, for programs."""
    worst = _worst(message)
    return {
        "id": message.id,
        "section": message.section,
        "event": "test" if message.test else worst.event if worst else "",
        "text": text_of(message, sender),
        "host": sender.host,
        "identifier": sender.identifier,
        "time": round(message.at, 3),
        "processes": [
            {
                "event": item.event,
                "process": item.process,
                "group": item.group,
                "reason": item.words,
                "count": item.count,
                "total": item.total,
                "since": round(item.since, 3),
            }
            for item in message.items
        ],
        "more": message.more,
    }


def body_of(rule: Notify, message: Message, sender: Sender) -> bytes:
    """The JSON that is posted."""
    text = text_of(message, sender)
    if rule.template is not None:
        return _filled(rule.template, message, sender).encode()
    match rule.format or _format_of(rule.webhook or ""):
        case "slack":
            # Otherwise <!channel> in the last words of a program would call everybody.
            body: object = {"text": text.translate(_ESCAPED)}
        case "discord":
            body = {"content": text, "allowed_mentions": {"parse": []}}
        case _:
            body = fields_of(message, sender)
    return json.dumps(body).encode()


def variables_of(message: Message, sender: Sender) -> dict[str, str]:
    """What a command gets in its environment; the process is the one to which the worst has happened."""
    values = _values(message, sender)
    # PROCMAN_ID is by what the descendants of a command are found.
    values["message_id"] = values.pop("id")
    return {f"PROCMAN_{name.upper()}": value.replace("\0", "") for name, value in values.items()}


def _values(message: Message, sender: Sender) -> dict[str, str]:
    """The names of kinds.notifications.TEMPLATE_NAMES."""
    item = _worst(message)
    return {
        "text": text_of(message, sender),
        "event": "test" if message.test else item.event if item else "",
        "process": item.process if item else "",
        "group": item.group if item else "",
        "reason": item.words if item else "",
        "count": str(item.count) if item else "0",
        "section": message.section,
        "host": sender.host,
        "identifier": sender.identifier,
        "id": message.id,
        "time": str(int(message.at)),
    }


def _filled(template: str, message: Message, sender: Sender) -> str:
    values = _values(message, sender)
    # What is inserted stands between quotes that the template has.
    return Template(template).substitute({name: json.dumps(value)[1:-1] for name, value in values.items()})


def _worst(message: Message) -> Item | None:
    return max(message.items, key=lambda item: TOLD.index(item.event), default=None)


def _format_of(url: str) -> str:
    host = split_url(url).hostname or ""
    if host in _SLACK_HOSTS:
        return "slack"
    return "discord" if host in _DISCORD_HOSTS or host.endswith(tuple(f".{one}" for one in _DISCORD_HOSTS)) else "json"


def _line(item: Item) -> str:
    why = f": {item.words}" if item.words else ""
    times = f" ({item.count} failures since the last message)" if item.count > 1 else ""
    match item.event:
        case "recovered":
            after = f" after {item.total} failure{'s' if item.total != 1 else ''}" if item.total else ""
            return f"{item.process} has recovered{after}"
        case "fatal":
            return f"{item.process} is FATAL{times}{why}"
        case "unhealthy":
            return f"{item.process} is unhealthy{times}{why}"
        case "oom":
            return f"{item.process} ran out of memory{times}{why}"
        case _:
            return f"{item.process} has failed{times}{why}"

"""What a notify section is about: the facts it tells, where it posts them, and in which form."""

import json
import re
from string import Template

from procman.config.schema.kinds.addresses import split_url
from procman.config.schema.kinds.choices import word_of
from procman.config.schema.kinds.lists import STRING_LIST, accept_strings, parse_strings
from procman.config.schema.kinds.text import accept_text
from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean

# In the order in which they are worse; what is worse than anything told so far is told at once.
TOLD = ("recovered", "unhealthy", "exit", "oom", "fatal")
_CHOICES = ", ".join(reversed(TOLD))
# What others call them.
_ELSEWHERE = {
    "exited": "exit",
    "crash": "exit",
    "oom_kill": "oom",
    "memory": "oom",
    "failed": "fatal",
    "recover": "recovered",
    "recovery": "recovered",
    "running": "recovered",
    "health": "unhealthy",
    "sick": "unhealthy",
    "resolved": "recovered",
}

FORMATS = ("slack", "discord", "json")

TEMPLATE_NAMES = (
    *("text", "event", "process", "group", "reason", "count"),
    *("section", "host", "identifier", "id", "time"),
)
_LONGEST_TEMPLATE = 16384


def _on(words: tuple[str, ...]) -> tuple[str, ...]:
    found = [word.strip().lower() for word in words if word.strip()]
    if not found:
        raise Unfit(f"expected at least one of {_CHOICES}")
    for word in found:
        if word not in TOLD:
            meant = f"; did you mean {_ELSEWHERE[word]}?" if word in _ELSEWHERE else did_you_mean(word, TOLD)
            raise Unfit(f"expected some of {_CHOICES}{meant}")
    return tuple(word for word in reversed(TOLD) if word in found)


NOTIFY_ON: Kind[tuple[str, ...]] = Kind(
    name="list of what is told",
    expected=f"some of {_CHOICES}",
    slug="bad-notify-on",
    parse=lambda text: _on(parse_strings(text)),
    accept=lambda value: _on(accept_strings(value)),
    schema={**STRING_LIST, "items": {"type": "string", "enum": list(TOLD)}},
    show=",".join,
)


def _webhook(text: str) -> str:
    text = text.strip()
    try:
        parts = split_url(text)
        port = parts.port
    except ValueError:
        raise Unfit("expected an http:// or https:// URL with a host, and a port from 1 to 65535 if any") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == 0:
        raise Unfit("expected an http:// or https:// URL with a host")
    if re.search(r"[\x00-\x20\x7f]", text):
        raise Unfit("the URL has a blank or a control character in it: write %20 for a blank (in INI, %%20)")
    if not text.isascii():
        raise Unfit("the URL has letters that are not ASCII: percent-encode them, and write the host in punycode")
    return text


# Whoever has the URL can post there, so it is a secret as a whole.
WEBHOOK: Kind[str] = Kind(
    name="URL",
    expected="an http:// or https:// URL",
    slug="bad-webhook",
    parse=_webhook,
    accept=lambda value: _webhook(accept_text(value)),
    schema={"type": "string"},
    private=True,
)


def _template(text: str) -> str:
    if len(text) > _LONGEST_TEMPLATE:
        raise Unfit(f"it is longer than {_LONGEST_TEMPLATE} characters")
    try:
        filled = Template(text).substitute(dict.fromkeys(TEMPLATE_NAMES, "1"))
    except KeyError as error:
        name = str(error.args[0])
        raise Unfit(
            f"there is no ${{{name}}}: expected {', '.join(f'${{{known}}}' for known in TEMPLATE_NAMES)}"
            f"{did_you_mean(name, TEMPLATE_NAMES)}"
        ) from None
    except ValueError:
        raise Unfit("a $ begins a name such as ${text}: write $$ for a dollar sign") from None
    try:
        json.loads(filled)
    except (ValueError, RecursionError) as error:
        where = f" ({error.msg} at character {error.pos + 1})" if isinstance(error, json.JSONDecodeError) else ""
        raise Unfit(f'it is no JSON when its names are filled in{where}: write {{"text": "${{text}}"}}, say') from None
    return text


# It may hold the key of an account.
TEMPLATE: Kind[str] = Kind(
    name="JSON with ${…}",
    expected='JSON such as {"text": "${text}"}',
    slug="bad-template",
    parse=_template,
    accept=lambda value: _template(accept_text(value)),
    schema={"type": "string"},
    private=True,
)
NOTIFY_FORMAT = word_of("bad-notify-format", {word: word for word in FORMATS}, str)

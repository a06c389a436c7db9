"""Says what to write instead of a line that is not TOML; most often the quotes are missing.

The hint comes from the line alone, because the parser stops at the first mistake. Values that may be secrets are not
repeated.
"""

import re

from procman.config.formats.foreign_names import section_here
from procman.config.ini_lines import comment_start
from procman.config.schema.notation import LONGEST_SHOWN, show_toml
from procman.config.schema.sections import SECTIONS
from procman.config.secrets import is_secret, masked

_SMART_QUOTES = re.compile("[\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a]")
_ASSIGNMENT = re.compile(r"""\s*([\w.-]+|"[^"]*"|'[^']*')\s*(=|:(?!=))\s*(.*)""", re.DOTALL)
_BY_COMPLAINT = {
    "twice": "; it is defined above already: write its options there",
    "overwrite": "; the same name is used above already: take one of them out",
}
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TRUE_AND_FALSE = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def hint(line: str, complaint: str) -> str:
    """What to write instead, as the end of a sentence."""
    for words, way_out in _BY_COMPLAINT.items():
        if words in complaint:
            return way_out
    if way_out := _by_line(line):
        return way_out
    return "; a ] or } is missing" if "nclosed" in complaint else "; expected a [table], or a name = value"


def _by_line(line: str) -> str:
    stripped = line.strip()
    if _SMART_QUOTES.search(stripped):
        return "; write straight quotes, \" or '"
    if stripped.startswith(";"):
        return "; a comment begins with #"
    if stripped.startswith("["):
        return _of_header(stripped)
    found = _ASSIGNMENT.match(line)
    if found is None:
        # Any other text may be the rest of a secret.
        if any(stripped in known.options for known in SECTIONS.values()):
            return f"; write {stripped} = and a value"
        return ""
    key, sign, value = found[1], found[2], _without_comment(found[3])
    if sign == ":":
        return f"; TOML has = between name and value: {_assigned(key, _unquoted(value))}"
    return _of_value(key, value)


def _of_header(line: str) -> str:
    if "]" not in line:
        return f"; close the bracket: {line.partition('#')[0].strip()}]"
    ini = re.match(r"\[([\w-]+):\s*([^\]]+)\]", line)
    if ini is not None:
        name = ini[2].strip()
        kind = ini[1] if ini[1] in SECTIONS else section_here(ini[1]) or ini[1]
        return f"; write [{kind}.{name if _KEY.fullmatch(name) else show_toml(name)}]"
    if re.match(r"\[[\w.-]+ +[\w.-]+\]", line):
        return f"; write {re.sub(' +', '.', line.partition('#')[0].strip())}"
    if re.fullmatch(r"\[{1,2}[\w.\s\"'-]+\]{1,2}", line, re.ASCII):
        return f"; write [{line.strip('[] ')}]"
    return '; a name of other than ASCII letters, digits, - and _ needs quotes: [program."größe"]'


def _of_value(key: str, value: str) -> str:
    """A hint on what follows the =."""
    if not value:
        return f'; write a value: {key} = "…"'
    if value.lower() in _TRUE_AND_FALSE and value not in ("true", "false"):
        return f"; write {key} = {_TRUE_AND_FALSE[value.lower()]}"
    first = value[0]
    if first == "{":
        return "; a table in { } is written on one line, without a comma after its last value"
    if first == "[":
        return "; a list has quotes around each text, commas between them, and a ] at its end"
    if first not in "\"'":
        if key == "environment" and "=" in value:
            return '; write a table: environment = { NAME = "value" }'
        return f"; put it in quotes: {_assigned(key, value)}"
    end = value.find(first, 1)
    if value.startswith(first * 3):
        return f"; close it with {first * 3}"
    if end < 0:
        return f"; close the quote: {first} at its end"
    if first == '"' and "\\" in value:
        return "; in double quotes a backslash is written \\\\; in single quotes it stands for itself"
    rest = value[end + 1 :].strip()
    if rest.startswith(","):
        return f"; several values are a list: {key} = [ … ]"
    if rest:
        other = "double" if first == "'" else "single"
        return f"; the text ends at its second {first}: put it in {other} quotes, or in {first * 3}"
    return ""


def _assigned(key: str, value: str) -> str:
    if is_secret(key) or masked(value) != value or len(value) > LONGEST_SHOWN:
        value = "…"
    if re.fullmatch(r"-?(?:0|[1-9]\d*)|true|false", value):
        return f"{key} = {value}"
    return f"{key} = '{value}'" if "\\" in value and "'" not in value else f"{key} = {show_toml(value)}"


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _without_comment(value: str) -> str:
    return value[: comment_start(value) if value[:1] not in ("", '"', "'") else None].strip()

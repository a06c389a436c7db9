"""Finds secrets in a configuration, and masks them in whatever is shown.

Secrets are recognised by the names of options, variables, flags and parameters, and by their form: the password in a
URL, a bearer token. Masking too much is better than too little, because the file has the value. All patterns are linear
in the text.

re compiles them on first use, because most masters never show any of this, and they cost 3 ms.
"""

import re
from collections.abc import Mapping

MASK = "********"

# These occur anywhere in a name, or as a word of it.
_IN_NAME = (
    r"passw(?:or)?d|passphrase|secret|token|credential|authorization|api-?key|private-?key|access-?key"
    r"|(?:^|-)(?:webhook|webhook-ur[il]|pwd|dsn|salt|cookie|jwt|otp|pat|signature)s?$|(?:pass|auth)s?$|-keys?$"
)
_HARMLESS = frozenset({"pwd", "oldpwd"})

_VALUE = r"""("[^"]*"|'[^']*'|[^\s"';&]+)"""
_IN_URL = r"((?:://|^)[^\s/?#@:]*:)[^\s/?#]*@"
_ASSIGNED = rf"(?<![\w.-])(-{{0,2}}([A-Za-z_][\w.-]{{0,60}})=){_VALUE}"
_FLAG = rf"(?<![\w.-])(-{{1,2}}([A-Za-z][\w.-]{{1,60}})[\"']?\s)(?!-){_VALUE}"
# In a header, JSON or YAML; but not in a URL, whose user may have such a name, and not a host with its port.
_NAMED = (
    r"(?<![\w./-])(([A-Za-z][\w.-]{0,60})\\?[\"']?:(?!\d{1,5}(?:[^\w.]|$))[ \t]{0,4})"
    r"(\\?\"[^\"]*\"|'[^']*'|[^\s\"';&,}/][^\s\"';&,}]*)"
)
# In the URL of a web page, a user without a password is a token.
_AS_USER = r"(https?://)[^\s/?#@:]+@"
_LOGIN = r"((?<![\w.-])(?:-u|--user)[ =]?[\"']?[\w.@-]{1,60}:)(?![\d*]+(?:[\s\"']|$))[^\s\"']+"
# Options of one letter, by command.
_SHORT = (
    r"(\b(?:(?:mysql|mariadb)[\w-]{0,20}(?:[ ](?!-p)\S{1,100}){0,12}[ ]-p|sshpass[ ]-p[ ]?"
    r"|redis-cli(?:[ ](?!-a)\S{1,100}){0,12}[ ]-a[ ]?))[^\s\"']+"
)
_HEADER = r"(?i:(\b(?:authorization:[ \t]{0,8}(?:[a-z]{1,20}[ \t]{1,8})?|bearer[ \t]{1,8}))[^\s\"']+)"


def is_secret(name: str) -> bool:
    """Whether something with this name holds a secret."""
    # ApiKey, api_key and API.KEY are alike.
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_.\s]", "-", name).lower()
    return words not in _HARMLESS and re.search(_IN_NAME, words) is not None


def masked(text: str) -> str:
    """Mask whatever looks like a secret in a command, a URL or another text."""
    if "@" in text:
        text = re.sub(_IN_URL, rf"\1{MASK}@", text)
        text = re.sub(_AS_USER, rf"\1{MASK}@", text)
    if "=" in text:
        text = re.sub(_ASSIGNED, _hide, text)
    if "-" in text:
        text = re.sub(_FLAG, _hide, text)
        text = re.sub(_LOGIN, rf"\1{MASK}", text)
        text = re.sub(_SHORT, rf"\1{MASK}", text)
    if ":" in text:
        text = re.sub(_NAMED, _hide_named, text)
    return re.sub(_HEADER, rf"\1{MASK}", text)


def masked_value(name: str, text: str) -> str:
    """Mask the value of a variable or an option with this name; an empty value is shown as empty."""
    return MASK if text and is_secret(name) else masked(text)


def masked_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Mask the secrets of an environment."""
    return {name: masked_value(name, text) for name, text in variables.items()}


def _hide(match: re.Match[str]) -> str:
    # NAME="a b" keeps its quotes, so that a command still splits into the same words.
    quote = match[3][0] if match[3][0] in "\"'" else ""
    # PWD is a directory in a shell, but a password in the settings of a database.
    hidden = is_secret(match[2]) or (match[2].lower() == "pwd" and not match[3].startswith(("/", "$")))
    return f"{match[1]}{quote}{MASK}{quote}" if hidden else match[0]


def _hide_named(match: re.Match[str]) -> str:
    # The first word of an authorization is its scheme.
    return match[0] if match[2].lower().endswith("authorization") else _hide(match)

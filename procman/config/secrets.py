"""What of a configuration is a secret, and how its values are shown without them.

Told by names: of options, variables, flags and parameters; and by form: the password of a URL, a bearer's token. It is
better to hide too much than too little: whoever needs a value has the file. All patterns are linear in the text.

They are compiled (and kept, by re) when first used: most masters show nothing of all this, and they cost 3 ms.
"""

import re
from collections.abc import Mapping

MASK = "********"

# Anywhere in a name, or as a word of it.
_IN_NAME = (
    r"passw(?:or)?d|passphrase|secret|token|credential|authorization|api-?key|private-?key|access-?key"
    r"|(?:^|-)(?:pwd|dsn|salt|cookie|jwt|otp|pat|signature)s?$|(?:pass|auth)s?$|-keys?$"
)
_HARMLESS = frozenset({"pwd", "oldpwd"})

_VALUE = r"""("[^"]*"|'[^']*'|[^\s"';&]+)"""
_IN_URL = r"((?:://|^)[^\s/?#@:]*:)[^\s/?#]*@"
_ASSIGNED = rf"(?<![\w.-])(-{{0,2}}([A-Za-z_][\w.-]{{0,60}})=){_VALUE}"
_FLAG = rf"(?<![\w.-])(-{{1,2}}([A-Za-z][\w.-]{{1,60}})[\"']?\s)(?!-){_VALUE}"
# In a header, JSON or YAML. Not in a URL, whose user may be called so, nor a host with its port.
_NAMED = (
    r"(?<![\w./-])(([A-Za-z][\w.-]{0,60})\\?[\"']?:(?!\d{1,5}(?:[^\w.]|$))[ \t]{0,4})"
    r"(\\?\"[^\"]*\"|'[^']*'|[^\s\"';&,}/][^\s\"';&,}]*)"
)
# Nobody needs a password and no name to come to a web page.
_AS_USER = r"(https?://)[^\s/?#@:]+@"
_LOGIN = r"((?<![\w.-])(?:-u|--user)[ =]?[\"']?[\w.@-]{1,60}:)(?![\d*]+(?:[\s\"']|$))[^\s\"']+"
# Options of one letter, by whose they are.
_SHORT = (
    r"(\b(?:(?:mysql|mariadb)[\w-]{0,20}(?:[ ](?!-p)\S{1,100}){0,12}[ ]-p|sshpass[ ]-p[ ]?"
    r"|redis-cli(?:[ ](?!-a)\S{1,100}){0,12}[ ]-a[ ]?))[^\s\"']+"
)
_HEADER = r"(?i:(\b(?:authorization:[ \t]{0,8}(?:[a-z]{1,20}[ \t]{1,8})?|bearer[ \t]{1,8}))[^\s\"']+)"


def is_secret(name: str) -> bool:
    """Does what is called so hold a secret?"""
    # ApiKey, api_key and API.KEY are one name.
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_.\s]", "-", name).lower()
    return words not in _HARMLESS and re.search(_IN_NAME, words) is not None


def masked(text: str) -> str:
    """A command, a URL or another text with what looks like a secret in it hidden."""
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
    """The value of a variable or an option of that name; an empty one has nothing to hide."""
    return MASK if text and is_secret(name) else masked(text)


def masked_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment to be shown."""
    return {name: masked_value(name, text) for name, text in variables.items()}


def _hide(match: re.Match[str]) -> str:
    # NAME="a b" keeps its quotes, so that a command can still be read as words.
    quote = match[3][0] if match[3][0] in "\"'" else ""
    # PWD is a folder in a shell, and a password in a database's list of settings.
    hidden = is_secret(match[2]) or (match[2].lower() == "pwd" and not match[3].startswith(("/", "$")))
    return f"{match[1]}{quote}{MASK}{quote}" if hidden else match[0]


def _hide_named(match: re.Match[str]) -> str:
    # Of an authorization the first word says of which sort it is.
    return match[0] if match[2].lower().endswith("authorization") else _hide(match)

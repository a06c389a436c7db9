"""A first configuration for a folder that has none, made of what is in the folder: texts in, a text out.

It is meant to be edited, so each line of it says why it is there.
"""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from procman.errors import ProcmanError

HEAD = "# Written by `procman init`. procman check finds mistakes; procman explain OPTION says what an option does.\n"
_DJANGO = re.compile(r"DJANGO_SETTINGS_MODULE[\"']\s*,\s*[\"']([\w.]+)\.settings")
_LOGS = 'stdout_logfile = "-"          # the console; or a file, which is rotated\nstderr_logfile = "-"\n'
SAMPLE = f"""
[program.web]
command = "python3 -m http.server 8000 --bind 127.0.0.1"   # yours
ready = "listen:8000"         # RUNNING means that it can be reached
{_LOGS}"""


def first_file(found: Mapping[str, str]) -> str:
    """The text of a procman.toml for the files `found` (name: text) of a folder, or a sample if they say nothing.

    Raises ProcmanError for a package.json that is no JSON.
    """
    parts = []
    if "manage.py" in found:
        parts.append(_django(found["manage.py"]))
    if "package.json" in found:
        parts.append(_node(found["package.json"]))
    return HEAD + ("".join(filter(None, parts)) or SAMPLE)


def _django(text: str) -> str:
    """The migration, and gunicorn behind it; without the name of the project, the server for development."""
    project = _DJANGO.search(text)
    command = (
        f"gunicorn {project[1]}.wsgi --bind 127.0.0.1:8000" if project else "python3 manage.py runserver --noreload"
    )
    return f"""
[program.migrate]
type = "oneshot"
command = "python3 manage.py migrate --noinput"
directory = "%(here)s"
{_LOGS}
[program.django]
command = {_quoted(command)}
directory = "%(here)s"
depends_on = ["migrate"]      # when that has succeeded
ready = "listen:8000"
{_LOGS}"""


def _node(text: str) -> str:
    """What `npm start` runs, without npm in between if it is node."""
    try:
        package: Any = json.loads(text)
    except ValueError as error:
        raise ProcmanError(f"cannot read package.json: {error}; mend it, or move it away") from None
    scripts = package.get("scripts") if isinstance(package, dict) else None
    start = scripts.get("start") if isinstance(scripts, dict) else None
    if not isinstance(start, str):
        return ""
    direct = start.startswith("node ") and not set("|&;<>$`") & set(start) and _is_words(start)
    scope = "" if direct else 'stop_scope = "tree"           # npm and its shell do not always pass signals on\n'
    return f"""
[program.node]
command = {_quoted(start.replace("%", "%%") if direct else "npm start")}
directory = "%(here)s"
environment = {{ NODE_ENV = "production" }}
{scope}{_LOGS}"""


def _is_words(text: str) -> bool:
    try:
        return bool(shlex.split(text))
    except ValueError:
        return False


def _quoted(text: str) -> str:
    """As a string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)

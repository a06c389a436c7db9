"""What several commands read before they begin: the configuration's path, and assumptions about another machine."""

import json

from procman.config.assumptions import Assumptions
from procman.config.discovery import SEARCH, find_config
from procman.errors import ProcmanError


def config_file(given: str | None) -> str:
    """The path that was given, or the first file of the search path; raises ProcmanError if there is none."""
    path = given or find_config()
    if path is None:
        raise ProcmanError(
            f"cannot find a configuration file: none of {', '.join(SEARCH)} exists; name one with -c FILE"
        )
    return path


def assumptions(path: str | None) -> Assumptions | None:
    """The assumptions in the file of `--assume`."""
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as error:
        raise ProcmanError(f"cannot read {path}: {error.strerror}; name a file with --assume") from None
    except ValueError as error:
        raise ProcmanError(f"cannot read {path}: {error}; expected a JSON object") from None
    # The whole output of `check --json` on the other machine holds them inside.
    return Assumptions.from_json(content.get("assumed", content) if isinstance(content, dict) else content)

"""`procman completion`: prints the script that completes command lines, or puts it where the shell finds it."""

import os

from procman.cli.completion import bash, fish, zsh
from procman.cli.completion.tables import SHELLS
from procman.config.spelling import did_you_mean
from procman.errors import BadRequest, ProcmanError

_SCRIPTS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}
# Below the variable, or below the folder in the home directory.
_PLACES = {
    "bash": ("XDG_DATA_HOME", ".local/share", "bash-completion/completions", ("procman", "procmanctl")),
    "zsh": ("XDG_DATA_HOME", ".local/share", "zsh/site-functions", ("_procman",)),
    "fish": ("XDG_CONFIG_HOME", ".config", "fish/completions", ("procman.fish", "procmanctl.fish")),
}
_THEN = {
    "bash": "new shells complete procman and procmanctl; without bash-completion, source it in ~/.bashrc",
    "zsh": "if it is not there yet, write into ~/.zshrc, before compinit: fpath+=({folder})",
    "fish": "new shells complete procman and procmanctl",
}


def completion(given: dict[str, str]) -> int:
    """Print the script for a shell, or install it."""
    words = given.get("words", "").split("\0") if given.get("words") else []
    # Everybody writes it behind the shell.
    install = "install" in given or "--install" in words
    words = [word for word in words if word != "--install"]
    if len(words) != 1 or words[0] not in SHELLS:
        hint = did_you_mean(words[0], SHELLS) if words else ""
        raise BadRequest(f"cannot complete without the name of a shell: {', '.join(SHELLS)}{hint}")
    shell = words[0]
    script = _SCRIPTS[shell]()
    if not install:
        print(script, end="")
        return 0
    variable, default, below, names = _PLACES[shell]
    folder = os.path.join(os.environ.get(variable) or os.path.expanduser(f"~/{default}"), below)
    for name in names:
        _write(os.path.join(folder, name), script)
    print(_THEN[shell].format(folder=folder))
    return 0


def _write(path: str, script: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
    except OSError as error:
        raise ProcmanError(f"cannot write {path}: {error.strerror}; print the script without --install") from None
    print(f"written: {path}")

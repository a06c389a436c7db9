"""Draws docs/pictures/terminal.svg, the picture of README.md: a real session with the programs of shop.toml.

python docs/pictures/terminal.py
"""

import io
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent
BIN = Path(sys.executable).parent
TYPED = ["procmanctl status", "procmanctl why mail"]
WIDTH = 104
THEME = TerminalTheme(
    (18, 38, 36),
    (214, 226, 224),
    [
        (18, 38, 36),
        (255, 120, 110),
        (120, 214, 150),
        (230, 200, 110),
        (120, 170, 250),
        (210, 150, 230),
        (110, 200, 210),
        (214, 226, 224),
    ],
)
# As rich has it, without a font from another server.
FORM = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>procmanctl status, and why a program has failed</title>
<style>
.{unique_id}-matrix {{
  font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre;
}}
{styles}
</style>
<defs>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def seen(command: str, folder: str, env: dict[str, str]) -> str:
    """What a command prints on a terminal of its own."""
    ours, its = pty.openpty()
    subprocess.run(["/bin/stty", "cols", str(WIDTH), "-opost"], stdin=its, check=True)
    program = subprocess.Popen(["/bin/sh", "-c", command], stdin=its, stdout=its, stderr=its, env=env, cwd=folder)
    os.close(its)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # the last end of the terminal is closed
        program.wait()
    os.close(ours)
    return said.decode()


def main() -> None:
    """Run the programs until all are up or have failed, type the commands, and draw what is seen."""
    screen = Console(record=True, width=WIDTH, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "XDG_RUNTIME_DIR": folder, "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm-256color"}
        shutil.copy(FOLDER / "shop.toml", f"{folder}/procman.toml")
        master = subprocess.Popen([BIN / "procman"], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
        assert master.stdout
        while "gave up: mail" not in master.stdout.readline():
            pass
        for line in TYPED:
            screen.print(Text.assemble(("$ ", "dim"), (line, "bold")))
            screen.print(Text.from_ansi(seen(line, folder, env).rstrip()))
        master.terminate()
        master.communicate()
    picture = screen.export_svg(theme=THEME, code_format=FORM, unique_id="t", title="")
    (FOLDER / "terminal.svg").write_text(picture)


if __name__ == "__main__":
    main()

"""Compiles the C programs of this directory on demand, if the sources are newer than the result."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
_OUT = os.path.join(HERE, ".built")


def built(name: str) -> str:
    """The path of the program compiled from NAME.c."""
    program = os.path.join(_OUT, name)
    sources = [os.path.join(HERE, source) for source in (f"{name}.c", "shared_events.h")]
    if not os.path.exists(program) or os.path.getmtime(program) < max(map(os.path.getmtime, sources)):
        os.makedirs(_OUT, exist_ok=True)
        command = [os.environ.get("CC", "cc"), "-O2", "-static", "-Wall", "-Wextra", "-o", program, sources[0]]
        try:
            subprocess.run(command, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"cannot compile {sources[0]}: {error}; a C compiler is needed, with a static libc")
    return program

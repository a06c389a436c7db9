"""The environment of procmanctl as a process, independent of the developer's own."""

import os
import sys

ENVIRON = {
    # The size of a terminal is that of the test's own, whatever pytest-xdist says of the one around it.
    **{name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}},
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    "TERM": "xterm",
    "INPUTRC": "/dev/null",  # the developer may have bound TAB to something else
}

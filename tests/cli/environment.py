"""The environment of a procmanctl that is a process of its own, whoever runs the tests."""

import os
import sys

ENVIRON = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    "TERM": "xterm",
    "INPUTRC": "/dev/null",  # whoever runs the tests may have bound TAB to something else
}

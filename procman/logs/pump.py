"""From a program's pipe to its sinks, on the loop, never blocking it.

One pump for one pipe. A sink that has enough stops the reading of this one pipe, and only of this one: the program
waits in its own write. Bytes in = bytes handed to every sink + bytes left unread when the pump was closed.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import Callable, Sequence

from procman.logs.lines import AnsiStripper
from procman.logs.ring import Ring
from procman.logs.sinks import Sink

"""What the fault tests and bench/faults_beside.py share: programs that flood or count what they write, small disks."""

from pathlib import Path

from tests.support.faulty_master import program
from tests.support.running_master import python

FLOOD = python("import os\nwhile True: os.write(1, b'x' * 1023 + bytes([10]))")
# Writes lines without end, at most ten thousand a second. On SIGTERM it writes the number of bytes to a file and exits.
COUNTS = python(
    "import os, signal, sys, time\n"
    "said = 0\n"
    "def leave(*_):\n"
    "    open(sys.argv[1], 'w').write(str(said)); os._exit(0)\n"
    "signal.signal(signal.SIGTERM, leave)\n"
    "while True:\n"
    "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
    "    said += os.write(1, b'%050d' % said + bytes([10]))\n"
    "    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])\n"
    "    time.sleep(0.0001)\n"
)
# Kibibytes of text at once, for python().
BLOCK = "import os, time\nfor _ in range({count}): os.write(1, b'x' * 1023 + bytes([10]))\n"


def counts(folder: Path, log: object, **options: object) -> str:
    """The section of COUNTS, which leaves its number in FOLDER/said."""
    return program("counts", f"{COUNTS} {folder}/said", stdout_logfile=log, stdout_logfile_maxbytes=0, **options)


def on_tmpfs(size: str) -> tuple[str, ...]:
    """A command prefix: mounts a tmpfs of that size on the folder named next, then runs the command after it."""
    mount = f'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount)

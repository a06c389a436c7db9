"""AUTO logs: files in childlogdir that procman names, and clears away at its next start."""

import os
import re
import stat
import tempfile


def create_auto_log(folder: str, name: str, channel: str, identifier: str) -> str:
    """Make an empty file for one channel of a process, for the owner's eyes only; raises OSError."""
    fd, path = tempfile.mkstemp(suffix=".log", prefix=f"{name}-{channel}---{identifier}-", dir=folder)
    os.close(fd)
    return path


def clear_auto_logs(folder: str, identifier: str) -> str | None:
    """Remove those that an earlier master of this identifier left behind; returns what went wrong.

    Two masters with the same identifier and folder take each other's logs away, as supervisord's do.
    """
    ours = re.compile(rf".+?---{re.escape(identifier)}-\S+\.log(\.\d{{1,4}})?")
    try:
        with os.scandir(folder) as entries:
            left = [entry for entry in entries if ours.fullmatch(entry.name)]
    except OSError as error:
        return f"Could not clear childlog dir {folder}: {error.strerror}"
    failed = []
    for entry in left:
        try:
            # In a folder that everybody may write to, a link of that name is somebody's trap.
            if stat.S_ISREG(os.lstat(entry.path).st_mode):
                os.unlink(entry.path)
        except OSError:
            failed.append(entry.path)
    return f"Failed to clean up {', '.join(failed)}" if failed else None

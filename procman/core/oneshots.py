"""What tells a one-shot from a service: when its run is over, and whether that was a success. No I/O and no clock here.

- It is RUNNING as soon as it is spawned, and there is no restart by policy: `config.resolve` gives it startsecs=0 and
  autorestart=false.
- A run that ends with an exit code in exitcodes, however quick, is a success: it is EXITED, and done.
- Any other end, a spawn that fails, and a run that takes longer than run_timeout are failed tries. After startretries
  more of them it is FATAL; after an end in norestart_exitcodes at once.
- A boot does not start one that is done: of an earlier life of the master that is told by `RunRemembered`.
"""

# How the reason of a run begins that took too long.
TIMED_OUT = "timed out after "

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def timed_out(seconds: float) -> str:
    """Why a run has failed that took longer than so many seconds, such as "timed out after 10 m"."""
    return f"{TIMED_OUT}{_span(seconds)}"


def _span(seconds: float) -> str:
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:g} {unit}")
    if seconds or not parts:
        parts.append(f"{seconds:.6g} s")
    return " ".join(parts)

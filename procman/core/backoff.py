"""How long a process that failed to start waits before it is tried again. No clock and no chance here."""


def retry_delay(failures: int) -> float:
    """Seconds before the next try after that many failed starts in a row: one for each, as in supervisor."""
    return failures

"""Reads the tables of the kernel in /proc/net."""


def rows(table: str) -> list[list[str]]:
    """The columns of each line of a table of the kernel; none if it cannot be read."""
    try:
        with open(table, encoding="utf-8", errors="surrogateescape") as file:
            return [line.split() for line in file.readlines()[1:]]
    except OSError:
        return []

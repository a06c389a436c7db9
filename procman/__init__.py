"""procman: a process manager that is at home in a container and on a host."""

__version__ = "0.2.0"

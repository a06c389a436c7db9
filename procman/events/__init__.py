"""Supervisor's events, and the listeners that are told of them; no I/O but in `hub`."""

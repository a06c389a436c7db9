"""Supervisor's events, and the listeners that get them; no I/O but in `hub`."""

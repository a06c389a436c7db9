"""The masters of the end-to-end tests, and what those of the system have to do things as somebody else."""

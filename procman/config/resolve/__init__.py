"""Raw sections to processes and groups: expansion, numprocs, defaults."""

"""How long is fuzzed: some seconds per target; in CI with the same inputs every time (see ../conftest.py)."""

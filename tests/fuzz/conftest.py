"""How much is tried: some seconds of each front; in CI the same every time (see ../conftest.py)."""

"""How much is tried: some seconds of each front; in CI the same every time (see ../conftest.py)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))

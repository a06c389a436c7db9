"""The masters of the end-to-end tests, and what those of the system have to do things as somebody else."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("end_to_end", "system")]

"""The same targets fuzzed by atheris, which measures branches and searches for new ones, without a time limit.

pip install atheris && python -m tests.fuzz.steered ini|toml|listener [-max_total_time=SECONDS] [FOLDER OF FINDS]
"""

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["procman", "tomli"]):
    from tests.support.fuzz_inputs import INI_FILES, TOML_FILES
    from tests.support.fuzz_targets import listen, read_config


LONGEST = 4096
FRONTS = {
    "ini": (lambda data: read_config("f.conf", data), INI_FILES),
    "toml": (lambda data: read_config("f.toml", data), TOML_FILES),
    "listener": (
        lambda data: listen([data[: len(data) // 2], data[len(data) // 2 :]]),
        [b"READY\nRESULT 2\nOKREADY\nRESULT 4\nFAIL"],
    ),
}


def main() -> None:
    front, seeds = FRONTS[sys.argv[1]]
    # Findings go to the given directory; patterns of files are looked up in an empty one.
    arguments = [os.path.abspath(word) if os.path.isdir(word) else word for word in sys.argv[2:]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.mkdir("seeds")
        for number, seed in enumerate(seeds):
            Path("seeds", str(number)).write_bytes(seed[:LONGEST])
        atheris.Setup([sys.argv[0], f"-max_len={LONGEST}", *arguments, os.path.abspath("seeds")], front)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

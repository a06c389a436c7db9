"""Stands in for `procman.webhook.sender`: the host of a URL says what it does."""

import json
import os
import sys


def main() -> None:
    """Answer each job, or do what it says."""
    for line in sys.stdin:
        job = json.loads(line)
        words = "fine"
        match job["url"]:
            case "die":
                sys.stderr.write("first line\nout of luck\n")
                sys.exit(3)
            case "hang":
                continue
            case "noise":
                print('what\n{"id": 1}\n[]\n{"id": "x", "ok": true, "words": "", "again": false, "after": "y"}')
            case "environment":
                words = json.dumps([os.getcwd(), os.environ.get("OF_THE_TEST", "")])
            case _:
                pass
        print(json.dumps({"id": job["id"], "ok": True, "words": words, "again": False, "after": None}), flush=True)

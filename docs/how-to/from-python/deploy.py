"""Applies the configuration, waits until everything is ready, and rolls it back if that takes too long.

python deploy.py [SECONDS]
"""

import contextlib
import sys

import procman


def deploy(client: procman.Client, patience: float) -> bool:
    """Whether the configuration on the disk runs now."""
    plan = client.plan()
    if not plan["changes"]:
        print("nothing has changed")
        return True
    for change in plan["changes"]:
        print(f"{change['name'] or change['group']}: {change['action']}")
    # If this script dies, too, the master rolls it back by itself.
    update = client.apply(plan, confirm=patience * 2)
    try:
        client.wait_until_ready(patience)
        client.confirm(update["operation"])
    except (procman.NotYet, procman.Conflict, procman.NotFound) as error:
        print(f"{error}; rolling back")
        # Where a program has failed for good, the master has done so already.
        with contextlib.suppress(procman.NotFound):
            client.abort(update["operation"])
        return False
    print("done")
    return True


def main() -> int:
    """The exit status."""
    patience = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    try:
        with procman.Client() as client:
            return 0 if deploy(client, patience) else 1
    except procman.ProcmanError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""The entry point of `procmanctl`, which ends before the garbage collector has anything to find."""

import gc

_MANY = 50_000  # new objects; an answer about a hundred programs makes 4,000, but a shell may live for days


def main() -> int:
    """Carry out the arguments of this process; returns the exit status."""
    gc.set_threshold(_MANY)
    from procman.cli.procmanctl import main as carry_out  # noqa: PLC0415 - the imports make most of the objects

    status = carry_out()
    # Otherwise the final collection of the interpreter takes 2.5 of 33 ms, in vain.
    gc.freeze()
    return status

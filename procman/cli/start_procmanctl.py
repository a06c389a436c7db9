"""Where the command `procmanctl` begins: it is over before there is anything for a garbage collector to find."""

import gc

_MANY = 50_000  # new objects; an answer about a hundred programs makes 4,000, and a shell may live for days


def main() -> int:
    """Do what the arguments of this process say; returns the exit status."""
    gc.set_threshold(_MANY)
    from procman.cli.procmanctl import main as carry_out  # noqa: PLC0415 - the imports make most of them

    status = carry_out()
    # At its end the interpreter looks through everything once more, in vain: with that 2.5 of 33 ms.
    gc.freeze()
    return status

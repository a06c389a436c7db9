"""What looks like chance and is none: the same for the same arguments, so that a recorded run is repeated exactly."""

# How many values there are.
STEPS = 10_000

_FNV_OFFSET, _FNV_PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 2**64 - 1


def drawn(seed: int, text: str) -> int:
    """From 0 to STEPS - 1. `seed` differs from master to master, `text` says what for."""
    # The low bits of this hash depend on all of the text.
    return hashed(text, seed) % STEPS


def hashed(text: str, seed: int = 0) -> int:
    """A number of 64 bits that stands for the text."""
    value = _FNV_OFFSET ^ (seed & _MASK)
    for byte in text.encode(errors="surrogateescape"):
        value = (value ^ byte) * _FNV_PRIME & _MASK
    return value

"""The last bytes of a stream, and callbacks for when there are more.

Pure: no I/O and no clock here. Positions count from the first byte ever appended, so a reader that was too slow learns
exactly how much it missed; a reader costs the ring one callback and no memory.
"""

from collections.abc import Callable


class Ring:
    """Keeps the last `capacity` bytes; uses no memory until there is something to keep."""

    __slots__ = ("_followers", "_kept", "_on_append", "capacity", "closed", "end")

    def __init__(self, capacity: int = 65536, on_append: Callable[[int], None] | None = None) -> None:
        """`on_append` gets the new end after each change."""
        self.capacity = capacity
        self._on_append = on_append
        self.end = 0  # bytes appended, ever
        self.closed = False  # nothing more will be appended
        self._kept: bytes | bytearray = b""
        self._followers: dict[object, Callable[[], None]] = {}

    @property
    def start(self) -> int:
        """The position of the oldest byte kept."""
        return self.end - len(self._kept)

    def append(self, data: bytes) -> None:
        """Add to the end; what no longer fits is dropped from the beginning."""
        self.end += len(data)
        if len(data) >= self.capacity:
            self._kept = data[len(data) - self.capacity :]  # no copy where they are equal, as in a flood
        else:
            if isinstance(self._kept, bytes):
                self._kept = bytearray(self._kept)
            self._kept += data
            # A bytearray loses its head by moving a pointer.
            del self._kept[: max(0, len(self._kept) - self.capacity)]
        if self._on_append is not None:
            self._on_append(self.end)
        for wake in tuple(self._followers.values()):
            wake()

    def skip(self, count: int) -> None:
        """So many bytes went elsewhere: what is kept now is no longer the end of the stream, and is dropped."""
        self.end += count
        self._kept = b""

    @property
    def followed(self) -> bool:
        """Whether it has followers."""
        return bool(self._followers)

    def restore(self, kept: bytes) -> None:
        """Begin with what another ring has kept."""
        self._kept = kept
        self.end = len(kept)

    def tail(self, length: int) -> bytes:
        """Return the last bytes, `length` of them at most."""
        return bytes(self._kept[max(0, len(self._kept) - length) :])

    def read(self, position: int) -> tuple[bytes, int, int]:
        """Return what is kept from `position` on, the next position, and how many bytes were missed."""
        first = min(max(position, self.start), self.end)
        return bytes(self._kept[first - self.start :]), self.end, max(0, first - position)

    def clear(self) -> None:
        """Drop what is kept; the positions continue."""
        self._kept = b""

    def close(self) -> None:
        """Tell all followers that this is the end."""
        self.closed = True
        for wake in tuple(self._followers.values()):
            wake()

    def follow(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after every change, until the returned function is called."""
        key = object()
        self._followers[key] = wake

        def unfollow() -> None:
            self._followers.pop(key, None)

        return unfollow

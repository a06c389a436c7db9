"""A helper process that compresses one file into another, both open already. The master imports none of it.

It has the lowest priority for the processor, and with that for the disk (ioprio_set(2)).
"""

import gzip
import os
import shutil
import sys
from typing import BinaryIO

_AT_ONCE = 1 << 20
_LOWEST = 19


def main() -> None:
    """`METHOD SOURCE TARGET`: gzip or zstd, and two descriptors. Exits with 1 and one line of text if it has failed."""
    method, source, target = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.nice(_LOWEST)
    try:
        with open(source, "rb") as reader, open(target, "wb") as writer:
            if method == "zstd":
                _zstd(reader, writer)
            else:
                _gzip(reader, writer)
            writer.flush()
            # The other file is removed next.
            os.fsync(writer.fileno())
    except (OSError, ImportError, MemoryError) as error:
        print(getattr(error, "strerror", None) or error, file=sys.stderr)
        sys.exit(1)


def _gzip(reader: BinaryIO, writer: BinaryIO) -> None:
    with gzip.GzipFile("", "wb", 6, writer, 0) as out:
        shutil.copyfileobj(reader, out, _AT_ONCE)


def _zstd(reader: BinaryIO, writer: BinaryIO) -> None:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - only newer Pythons have it

        with zstd.ZstdFile(writer, "wb") as out:
            while data := reader.read(_AT_ONCE):
                out.write(data)
    else:
        import zstandard  # noqa: PLC0415 - no program needs it but those that say so

        zstandard.ZstdCompressor(write_checksum=True).copy_stream(reader, writer)


if __name__ == "__main__":
    main()

"""A file that changes in whole steps: a crash at any moment leaves the state of the last `commit`.

HDF5 changes bytes all over a file when something is added to it, and is not readable when it is stopped in
between. Here what was committed is not touched: changes to it are kept in memory, in pages, and what is new
is written behind it. `commit` flushes the new bytes, writes the changed pages and the new length to a journal
in one atomic step, and only then changes the file. Opening it applies the journal again, which is harmless,
and cuts off what was never committed.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

from intermask_cli.files import write_bytes

#: Bytes of a page: HDF5's own metadata is in blocks of about this size.
_PAGE = 4096
#: The journal: the length of the file, then for each changed page its number and its bytes.
_LENGTH, _NUMBER = struct.Struct("<Q"), struct.Struct("<Q")


class JournaledFile(io.RawIOBase):
    """Binary file for reading and writing, as h5py takes it; created empty where there is none."""

    def __init__(self, path: Path, journal: Path):
        super().__init__()
        self._journal = journal
        self._pages: dict[int, bytearray] = {}
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._committed = 0
        if journal.exists():
            self._apply(journal.read_bytes())
        self._file.truncate(self._committed)
        self._size, self._position = self._committed, 0

    def commit(self) -> None:
        """Make all changes since the last commit permanent, together."""
        self._flush_to_disk()
        pages = b"".join(_NUMBER.pack(number) + bytes(page) for number, page in sorted(self._pages.items()))
        entry = _LENGTH.pack(self._size) + pages
        write_bytes(self._journal, entry)
        self._apply(entry)
        self._pages.clear()

    def _apply(self, entry: bytes) -> None:
        (self._committed,) = _LENGTH.unpack_from(entry)
        for start in range(_LENGTH.size, len(entry), _NUMBER.size + _PAGE):
            (number,) = _NUMBER.unpack_from(entry, start)
            self._file.seek(number * _PAGE)
            self._file.write(entry[start + _NUMBER.size : start + _NUMBER.size + _PAGE])
        self._file.truncate(self._committed)
        self._flush_to_disk()

    def _flush_to_disk(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    @property
    def _first_new_page(self) -> int:
        """Pages from this one on hold nothing that was committed, and are written at once."""
        return -(-self._committed // _PAGE)

    def _page(self, number: int) -> bytearray:
        """A page in memory, to change."""
        if number not in self._pages:
            self._file.seek(number * _PAGE)
            self._pages[number] = bytearray(self._file.read(_PAGE).ljust(_PAGE, b"\0"))
        return self._pages[number]

    # -------- io.RawIOBase

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position, also beyond the end."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:  # language: ok, the name that a file object has
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file reaches -> number of bytes."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position))
        done = 0
        while done < count:
            number, offset = divmod(self._position + done, _PAGE)
            end = done + min(count - done, _PAGE - offset)
            if number in self._pages:
                view[done:end] = self._pages[number][offset : offset + end - done]
            else:
                self._file.seek(self._position + done)
                data = self._file.read(end - done)
                view[done:end] = data.ljust(end - done, b"\0")
            done = end
        self._position += count
        return count

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        """Write at the position: into pages in memory where something was committed, else into the file."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            number, offset = divmod(self._position + done, _PAGE)
            if number >= self._first_new_page:
                self._file.seek(self._position + done)
                self._file.write(view[done:])
                break
            end = done + min(len(view) - done, _PAGE - offset)
            self._page(number)[offset : offset + end - done] = view[done:end]
            done = end
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length; what was committed stays on the disk until the next commit."""
        before, self._size = self._size, self._position if size is None else size
        if self._size < before:  # bytes behind the end are zero if it moves back
            for number in range(self._size // _PAGE, self._first_new_page):
                keep = max(0, self._size - number * _PAGE)
                self._page(number)[keep:] = bytes(_PAGE - keep)
            self._file.truncate(max(self._size, self._first_new_page * _PAGE))
        return self._size

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

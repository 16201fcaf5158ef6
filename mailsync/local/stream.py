"""One message that is written to tmp/ in pieces, in constant memory whatever its size.

The LF form is written in the hope that it can be undone.  Where the message turns out to have a
bare CR or LF, what was written so far is read back and written again as it was received: every LF
in it was a CRLF.  That happens at most once a message.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from mailsync.local.lines import ToStored, as_received
from mailsync.local.tree import CHUNK
from mailsync.model.content import Digest, Digester
from mailsync.system.seams import Fs, Writer
from mailsync.system.trouble import storage_error


class Pending:
    """Nothing of it is seen before `Delivery.commit`."""

    def __init__(
        self,
        fs: Fs,
        path: str,
        lines: ToStored | None,
        whole: Callable[[Writer, Digest], None],
        give_up: Callable[[], None],
    ) -> None:
        """`lines` None: store exactly what comes."""
        self._fs = fs
        self._path = path
        self._lines = lines
        self._when_whole = whole
        self._give_up = give_up
        self._digester = Digester()  # over the received form: its hashes hold for both
        self._stored = 0
        self._writer: Writer | None = None
        self._open = True
        with self._dropping():
            self._writer = fs.create(path)

    def write(self, data: bytes) -> None:
        """The next piece as received, of any size.  StorageError: the message is dropped (as by
        `drop`), the rest of the delivery is not."""
        assert self._open, "the message is done or dropped"
        self._digester.feed(data)
        with self._dropping():
            self._take(data)

    def done(self) -> None:
        """The message is whole; only then it takes part in the commit.  StorageError as above."""
        assert self._open, "the message is done or dropped"
        with self._dropping():
            if self._lines is not None:
                before = self._lines.turned
                self._put(self._lines.finish(), before)
            writer, self._writer = self._writer, None
            assert writer is not None
            found = self._digester.finish()
            if self._stored < found.size:  # LF form
                found = replace(found, size=self._stored)
            self._when_whole(writer, found)
        self._open = False

    def drop(self) -> None:
        """Remove what was written (a body that broke off).  Nothing if done.  Never raises."""
        if not self._open:
            return
        self._open = False
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
            self._writer = None
        self._give_up()

    def _take(self, data: bytes) -> None:
        if self._lines is None:
            self._write(data)
            return
        before = self._lines.turned
        self._put(self._lines.feed(data), before)

    def _put(self, data: bytes, before: bool) -> None:
        assert self._lines is not None
        if self._lines.turned and not before and self._stored:
            self._rewrite()
        self._write(data)

    def _write(self, data: bytes) -> None:
        if data:
            assert self._writer is not None
            self._writer.write(data)
            self._stored += len(data)

    def _rewrite(self) -> None:
        scratch = f"{self._path}.w"
        fresh = self._fs.create(scratch)
        try:
            reader = self._fs.open(self._path)
            try:
                self._stored = 0
                while piece := reader.read(CHUNK):
                    piece = as_received(piece)
                    fresh.write(piece)
                    self._stored += len(piece)
            finally:
                reader.close()
            self._fs.unlink(self._path)
            self._fs.rename(scratch, self._path)
        except OSError:
            with contextlib.suppress(OSError):
                fresh.close()
            with contextlib.suppress(OSError):
                self._fs.unlink(scratch)
            raise
        old, self._writer = self._writer, fresh
        assert old is not None
        old.close()

    @contextlib.contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.drop()
            raise storage_error(error, "write", self._path) from error

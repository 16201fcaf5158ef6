"""COMPRESS=DEFLATE (RFC 4978)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from mailsync.imap.limits import KIB, ProtocolError

STEP = 64 * KIB


class Deflate:
    """Both directions of one connection, from the tagged OK of COMPRESS on.

    Inflated data comes in steps of at most 64 KiB, made only when asked for, so what a bomb costs
    is what the Receiver's limits let through.
    """

    def __init__(self) -> None:
        self._out = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._in = zlib.decompressobj(wbits=-zlib.MAX_WBITS)

    def compress(self, data: bytes) -> bytes:
        """Everything the server needs to act on `data` (flushed)."""
        return self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def decompress(self, data: bytes) -> Iterator[bytes]:
        """Exhaust it before the next call.  Raises ProtocolError on broken or ended streams."""
        more = True
        while more:
            try:
                step = self._in.decompress(data, STEP)
            except zlib.error as error:
                raise ProtocolError("the server's compressed data is broken") from error
            if step:
                yield step
            if self._in.eof:
                raise ProtocolError("the server ended the compressed stream")
            data = self._in.unconsumed_tail
            more = bool(data) or len(step) == STEP  # a full step: zlib may still hold some

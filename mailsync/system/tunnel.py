"""A command as the way to the server: its standard input and output are the connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import subprocess
from collections.abc import Sequence

from mailsync.system.hidden import for_children, redact
from mailsync.system.seams import Stream
from mailsync.system.text import safe

KEPT = 4096  # bytes of what it says on standard error
PATIENCE = 2.0  # seconds that it is given to end by itself

log = logging.getLogger("mailsync.tunnel")


def start(words: Sequence[str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The command at work, and our end of the connection: a socket, so that TLS can be put on it.

    It stays in our session: ssh may want to ask something on the terminal.  Raises OSError.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: S603 (the user's command)
                words,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env=for_children(),
            )
    except ValueError as error:
        ours.close()
        raise OSError(0, str(error)) from None
    except OSError:
        ours.close()
        raise
    return process, ours


class TunnelStream:
    """The Stream of a command; what it says on standard error is part of what went wrong."""

    def __init__(self, process: subprocess.Popen[bytes], stream: Stream, name: str) -> None:
        self._process, self._stream, self._name = process, stream, name
        self._said = bytearray()
        assert process.stderr is not None
        self._pipe = process.stderr
        os.set_blocking(self._pipe.fileno(), False)
        self._reading = True
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._listen)

    # -- Stream --------------------------------------------------------------------------------

    async def read(self) -> bytes:
        try:
            data = await self._stream.read()
        except OSError as error:
            raise await self._explained(error) from error
        if not data:
            raise await self._explained(ConnectionResetError("the tunnel was closed"))
        return data

    async def write(self, data: bytes) -> None:
        try:
            await self._stream.write(data)
        except OSError as error:
            raise await self._explained(error) from error

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        await self._stream.start_tls(context, host)

    def peer_certificate(self) -> bytes | None:
        return self._stream.peer_certificate()

    def tls_unique(self) -> bytes | None:
        return self._stream.tls_unique()

    async def close(self) -> None:
        try:
            await self._stream.close()
            if not await self._ended(PATIENCE):
                self._process.terminate()
                await self._ended(PATIENCE)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._stop_reading()

    # -- the command ---------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            data = os.read(self._pipe.fileno(), 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
            return
        for line in data.splitlines():
            log.info("%s: %s", self._name, safe(redact(line.decode("utf-8", "replace"))))
        self._said += data
        del self._said[:-KEPT]

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._pipe.close()

    async def _ended(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._process.poll() is None:  # noqa: ASYNC110 (no event says so)
                    await asyncio.sleep(0.01)
        return self._process.poll() is not None

    async def _explained(self, error: OSError) -> OSError:
        """With how the command ended, and its last words."""
        if isinstance(error, ssl.SSLError):
            return error
        ended = await self._ended(0.5)
        if self._reading:
            self._listen()
        status = self._process.poll()
        why = str(error)
        if ended and status is not None:
            why = f"ended with status {status}" if status >= 0 else f"killed by signal {-status}"
        said = safe(redact(b" ".join(self._said.split()).decode("utf-8", "replace")))
        return ConnectionResetError(
            f"the tunnel {safe(self._name)}: {why}" + (f": {said}" if said else "")
        )

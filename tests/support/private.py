"""A server of the tests' own on loopback: started, waited for, ended by its process alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


class Private:
    """`with` starts and stops it.  `dir` has all that it writes; `port` greets when it is ready."""

    host = "127.0.0.1"
    kind = ""
    patience = 10.0  # seconds that it is given to end by itself

    def __init__(self) -> None:
        self.password = "secret"
        self.port = 0
        self.dir = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 30.0) -> Self:
        raise NotImplementedError

    def launch(
        self, words: Sequence[str], timeout: float, env: Mapping[str, str] | None = None
    ) -> None:
        with (self.dir / "stderr.log").open("ab") as log:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = self.log()
                self.stop()
                raise RuntimeError(f"{self.kind} did not start:\n{text}")
            time.sleep(0.05)

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), 2) as sock:
                return sock.recv(64).startswith(b"* OK")
        except OSError:
            return False

    def end(self) -> None:
        """The process, not what it wrote."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(self.patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self.dir, ignore_errors=True)

    def send_signal(self, number: int) -> None:
        """To all its processes: they are a process group of their own."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def log(self) -> str:
        """What it wrote to its logs."""
        logs = (self.dir / "stderr.log", self.dir / f"{self.kind}.log")
        return "".join(path.read_text(errors="replace") for path in logs if path.exists())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

"""One short session, cut at any byte: what a sync and the next one make of it.

The session logs in, takes a new message, sends two, sends and takes a flag, expunges one, removes
one and moves one.  Every cut begins from the same account and the same Maildir, byte for byte.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from mailsync.executor import retry
from mailsync.model.errors import Exit
from support.cutter import Cutter
from support.dovecot import Dovecot
from support.rig import Rig, message

ENDS = {Exit.OK, Exit.TEMPORARY}


@dataclass
class Cutting:
    """`length`: bytes that the session takes, both ways."""

    rig: Rig
    cutter: Cutter
    saved: Path
    length: int = 0

    def restore(self) -> None:
        """Server and Maildir as they were before the session."""
        for path, copy in self._places():
            shutil.rmtree(path, ignore_errors=True)
            subprocess.run(["cp", "-a", str(copy), str(path)], check=True)

    def save(self) -> None:
        self.saved.mkdir()
        for path, copy in self._places():
            subprocess.run(["cp", "-a", str(path), str(copy)], check=True)

    def _places(self) -> list[tuple[Path, Path]]:
        rig = self.rig
        return [
            (rig.server.home(rig.user), self.saved / "server"),
            (rig.maildir, self.saved / "mail"),
            (rig.state.parent, self.saved / "state"),
        ]

    def prepare(self) -> None:
        rig = self.rig
        with rig.client() as client:
            client.create("Work")
            for number in range(6):
                client.append(message(number))
        assert rig.sync().exit == 0
        kept = {int(path.read_text().split("Body of ")[1][0]): path for path in rig.files()}
        kept[0].unlink()
        kept[1].rename(rig.box() / "cur" / f"{kept[1].name}:2,F")
        kept[2].rename(rig.box("Work") / "new" / kept[2].name)
        rig.put(message("new here", 3))
        rig.put(message("seen here"), info=":2,S")
        with rig.client() as client:
            uids = client.uids()
            client.store(uids[3:4], "+FLAGS (\\Answered)")
            client.expunge(uids[4:5])
            client.append(message("new there", 2))
        self.save()
        self.cutter.carried = 0
        assert rig.sync().exit == 0
        self.length = self.cutter.carried
        assert {box: self.view(box) for box in ("INBOX", "Work")} == self.after

    @property
    def after(self) -> dict[str, Counter[tuple[str, str]]]:
        inbox = {"1": "F", "3": "R", "5": "", "new here": "", "seen here": "S", "new there": ""}
        return {"INBOX": Counter(inbox.items()), "Work": Counter([("2", "")])}

    def view(self, box: str) -> Counter[tuple[str, str]]:
        def name(body: bytes) -> str:
            return body.decode().split("Subject: message ")[1].split("\n")[0]

        here = Counter((name(body), flags) for body, flags in self.rig.local_view(box).elements())
        with self.rig.client() as client:
            seen = client.view(box).elements()
            there = Counter((name(body), flags) for body, flags in seen)
        assert here == there, (here, there)
        return here

    def cut(self, at: int) -> Exit:
        """A sync whose connection ends after so many bytes; what it could not do the next one
        must."""
        self.restore()
        self.cutter.cut_after, self.cutter.was_cut = at, False
        first = self.rig.sync()
        assert self.cutter.was_cut or at >= self.length - 100, "the session was shorter"
        assert first.exit in ENDS, first
        assert not any("Traceback" in text for text in first.errors), first
        if first.exit:
            second = self.rig.sync()
            assert second.exit == 0, second
        assert {box: self.view(box) for box in ("INBOX", "Work")} == self.after
        self.rig.assert_idle()
        return first.exit


@contextmanager
def cutting(server: Dovecot, root: Path) -> Iterator[Cutting]:
    with (
        Cutter(server.port, random.Random(0)) as cutter,
        mock.patch.object(retry, "FIRST_WAIT", 0.01),
    ):
        rig = Rig(server, root, changes={"port": cutter.port, "append_wait": 0.5})
        made = Cutting(rig, cutter, root / "saved")
        made.prepare()
        yield made

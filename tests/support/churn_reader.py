"""A churn in layout maildir++ whose mail reader is a second Dovecot on the very Maildir."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from mailsync.model.errors import Exit
from mailsync.model.layout import Layout
from mailsync.model.settings import Deletions
from support.churn_profiles import PROFILES
from support.churning import Churn, using
from support.ghosts import Copy
from support.hands import ServerHand
from support.reader import Owned, Reader
from support.servers import Server
from support.wire import Wire
from support.wired import Wired

# The reader knows no `P`: it would be a letter of nobody.  No mailbox has a dot in its name.
PROFILE = replace(PROFILES["full"], name="reader", flags="DFRST", never=("x.y",))
GRAIN = 1.1  # seconds in which what changed may be overlooked by the reader


class ReaderHand(ServerHand):
    """An IMAP client of the reader: all that it does happens in the Maildir."""

    def read(self) -> list[tuple[Copy, bytes]]:
        time.sleep(GRAIN)
        return super().read()

    def make(self, box: str) -> None:
        if box not in self.boxes():
            self.client.create(box)

    def put(self, copies: list[Copy], boxes: list[str]) -> str:
        return self.append(copies, boxes)


@dataclass
class Reading(Churn):
    """The hand on the Maildir is the reader's; its client is set before the first round."""

    def __post_init__(self) -> None:
        super().__post_init__()
        server = self.server
        self.maildir = ReaderHand(  # type: ignore[assignment]
            self.ledger,
            self.rand,
            str(self.seed),
            side="l",
            flags=server.flags,
            never=server.never,
        )
        self.hands = (self.server, self.maildir)

    def reach(self, allowed: tuple[Exit, ...]) -> None:
        """A message that came into new/ gets its keywords when the reader has moved it."""
        super().reach(allowed)
        self.maildir.read()
        super().reach(allowed)


@contextmanager
def reading(
    seed: int, root: Path, server: Server, deletions: Deletions = Deletions.EXPUNGE
) -> Iterator[Reading]:
    changes = {"deletions": deletions, "layout": Layout.MAILDIRPP}
    with Reader(extra="mailbox_list_index = no\n") as reader, Wire(server.port) as wire:
        rig = Wired(server, root, changes=changes, wire=wire, disk=Owned())
        reader.adopt(rig)
        with using(rig), mock.patch.dict(os.environ, {"MAILSYNC_ALLOW_ROOT": "1"}):
            rig.sync()  # the Maildir is there before the reader looks
            with reader.client() as client:
                churn = Reading(rig, PROFILE, seed)
                churn.maildir.client = client
                yield churn

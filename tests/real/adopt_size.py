"""Taking over a large Maildir from each program, counted on the wire.

python tests/real/adopt_size.py --messages 10000 [--tool offlineimap] [--no-state]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.dovecot import Dovecot
from support.former import Mbsync, OfflineImap
from support.rig import message
from support.wire import Traffic, Wire
from support.wired import Wired, append_many

from mailsync.local.former import Places
from mailsync.model.former import Adoption
from mailsync.modes import adopt

BOXES = ("INBOX", "Lists/python", "Sent")
TOOLS = {"mbsync": Mbsync, "offlineimap": OfflineImap}
BATCH = 1000


def fill(rig: Wired, count: int) -> None:
    with rig.client() as client:
        for box in BOXES[1:]:
            client.create(box)
        for at, box in enumerate(BOXES):
            numbers = range(at, count, len(BOXES))
            for first in range(0, len(numbers), BATCH):
                part = numbers[first : first + BATCH]
                append_many(client, (message(n, n % 50) for n in part), box)
        client.store(client.uids()[::7], r"+FLAGS (\Seen)")


def taken_over(rig: Wired, places: Places) -> tuple[Adoption, float, Traffic]:
    rig.wire.traffic = Traffic()
    began = time.monotonic()
    done = adopt.adopt(rig.account, places)
    return done, time.monotonic() - began, rig.wire.traffic


def measure(server: Dovecot, name: str, count: int, state: bool) -> bool:
    """Prints one row of the table; whether all is as it must be."""
    with tempfile.TemporaryDirectory() as folder, Wire(server.port) as wire:
        rig = Wired(server, Path(folder), wire=wire)
        fill(rig, count)
        TOOLS[name](rig).run()
        home = rig.root / "home"
        if not state:
            shutil.rmtree(home)
            for path in rig.maildir.rglob(".mbsyncstate"):
                path.unlink()
        before = rig.snapshot()
        done, seconds, traffic = taken_over(
            rig, Places((f"{home}/.mbsync/",), f"{home}/.offlineimap")
        )
        known = sum(box.known for box in done.mailboxes)
        alike = sum(box.alike for box in done.mailboxes)
        left = sum(
            box.fetched + box.sent + box.held_here + box.held_there for box in done.mailboxes
        )
        bodies, sent = traffic.bodies, traffic.sent_bytes
        rig.wire.traffic = Traffic()
        report = rig.sync()
        moved = rig.traffic.bodies + rig.traffic.sent_bytes
        did = sum(report.total().counts().values())
        with rig.client() as client:
            there = sum(len(client.uids(box)) for box in client.boxes())
        files = sum(len(rig.files(box)) for box in rig.local_boxes())
        print(
            f"{name:12} {'state' if state else 'content':8} {count:7,} {known:8,} {alike:8,} "
            f"{left:5} {bodies:6} {sent:5} {did:5} {moved:6} {there - count:7} {files - count:7} "
            f"{seconds:6.1f}",
            flush=True,
        )
        good = known + alike == count and (known == count) is state
        idle = not any((left, bodies, sent, did, moved)) and there == files == count
        return good and idle and rig.snapshot() == before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--tool", choices=sorted(TOOLS), action="append")
    parser.add_argument("--no-state", action="store_true", help="only by content")
    given = parser.parse_args()
    print(
        "program      by       messages by-state  content  left bodies  sent  sync  moved "
        "doubles   files  seconds"
    )
    good = True
    with Dovecot() as server:
        for name in given.tool or sorted(TOOLS):
            for state in (False,) if given.no_state else (True, False):
                good &= measure(server, name, given.messages, state)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

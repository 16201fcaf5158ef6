"""What a sync says it did is so after a power cut that follows it: nothing waits to be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sim.disk import Model
from sim.scenarios import SIX, six, views
from sim.server_state import ghost_of
from support.storied import Story

CUTS = [(Model.SYNCED, 0), *((Model.WEAK, seed) for seed in range(3))]


def expunged(s: Story) -> None:
    s.expunge("INBOX", "a")


def doubled(s: Story) -> None:
    """With a second file of the same name."""
    path = s.path_of("INBOX", "a")
    s.write(f"/mail/INBOX/cur/{path.rpartition('/')[2]}:2,S", s.fs.files()[path], 1_700_000_001)
    s.expunge("INBOX", "a")


def flagged(s: Story) -> None:
    s.server.set_flags("INBOX", s.uid_of("INBOX", "a"), ["\\Seen"])


def delivered(s: Story) -> None:
    s.serve("INBOX", "n")
    s.serve("Work", "large", size=2_000_000)


def moved(s: Story) -> None:
    s.server.move("INBOX", s.uid_of("INBOX", "a"), "Work")


def copied(s: Story) -> None:
    s.server.copy("INBOX", s.uid_of("INBOX", "a"), "Work")


def back(s: Story) -> None:
    """What was removed is there again."""
    s.server.create("Hidden")
    s.change(mailboxes=("*", "!Hidden"))
    s.server.move("INBOX", s.uid_of("INBOX", "a"), "Hidden")
    assert s.tell().total.removed == 1
    s.server.move("Hidden", s.uid_of("Hidden", "a"), "INBOX")


def made(s: Story) -> None:
    s.server.create("New/Deep")
    s.serve("New/Deep", "n")


def renamed(s: Story) -> None:
    s.server.rename("Work", "Job")


def deleted(s: Story) -> None:
    for ghost in "de":
        s.expunge("Work", ghost)
    assert s.tell().total.removed == 2
    s.server.delete("Work")


CASES: list[tuple[Callable[[Story], None], dict[str, str], str]] = [
    (expunged, SIX | {"INBOX": "b:S c"}, "a"),
    (doubled, SIX | {"INBOX": "b:S c"}, "aa"),
    (flagged, SIX | {"INBOX": "a:S b:S c"}, ""),
    (delivered, {"INBOX": "a b:S c n", "Work": "d e:F large"}, ""),
    (moved, {"INBOX": "b:S c", "Work": "a d e:F"}, ""),
    (copied, SIX | {"Work": "a d e:F"}, ""),
    (back, SIX, ""),
    (made, SIX | {"New/Deep": "n"}, ""),
    (renamed, {"INBOX": "a b:S c", "Job": "d e:F"}, ""),
    (deleted, {"INBOX": "a b:S c"}, "de"),
]


@pytest.mark.parametrize(("model", "seed"), CUTS)
@pytest.mark.parametrize(
    ("change", "after", "undo"), CASES, ids=[change.__name__ for change, *_ in CASES]
)
def test_after_a_power_cut(
    change: Callable[[Story], None], after: dict[str, str], undo: str, model: Model, seed: int
) -> None:
    with Story(f"cut {seed}") as s:
        six(s)
        s.tell()
        change(s)
        ran = s.tell()
        assert ran.exit == 0, ran.report
        s.died(seed, model)
        here = s.oracle.local_views(s.mail())
        assert {box: view for box, view in here.items() if view} == views(after)
        assert s.server.boxes.keys() - {b"Trash", b"Drafts", b"Hidden"} == {
            name.encode() for name in after
        }
        assert sorted(ghost_of(data) or "?" for data in s.undo().values()) == sorted(undo)
        s.agree(after)

"""What another program knew, in the rows."""

from __future__ import annotations

from support.cachebox import NOW, Box

from mailsync.cache import Missing
from mailsync.model.actions import Pair, Rung
from mailsync.model.flags import Flags
from mailsync.model.rows import Presence, Side, Wait


def test_pairs_with_their_merge_base_and_what_one_side_lacks(inbox: Box) -> None:
    """It says that a message was there, not who deleted it: that is held."""
    inbox.server({1: "FS", 2: "S"})
    inbox.local({"a": "", "b": "R"})
    inbox.cache.adopt(
        [Pair(inbox.id, inbox.row(1), inbox.file("a"), Rung.HEADER, Flags.SEEN)],
        [
            Missing(inbox.row(2).id, Side.LOCAL, Flags.SEEN, "no file \udcff"),
            Missing(inbox.file("b").id, Side.SERVER, Flags.NONE, "no UID"),
        ],
    )
    assert inbox.picture() == ["1+FS a+ =S", "2+S x =S", "x b+R ="]
    local, server = inbox.cache.held()
    assert (local.side, local.names, local.reason) == (Side.LOCAL, ("b",), "no UID")
    assert (server.side, str(server.uids), server.reason) == (Side.SERVER, "2", "no file ?")
    assert [row.uid for row in inbox.cache.due(NOW)] == [1]


def test_a_row_of_which_that_side_was_ever_seen_is_left_as_it_is(inbox: Box) -> None:
    """Nor does one side lack what the other has lost, too."""
    inbox.paired({1: "S", 2: "S"})
    inbox.local({"f2": "S", "n": ""})
    lost = inbox.file("n").id
    inbox.local({"f2": "S"})
    before = inbox.picture()
    inbox.cache.adopt(
        [],
        [
            Missing(row, side, Flags.NONE, "why")
            for row, side in (
                *zip(inbox.ids(1, 2), (Side.LOCAL, Side.SERVER), strict=True),
                (lost, Side.SERVER),
            )
        ],
    )
    assert inbox.picture() == before
    assert [(row.wait, row.local) for row in inbox.cache.due(NOW)] == [
        (Wait.NO, Presence.GONE),
        (Wait.NO, Presence.GONE),
    ]

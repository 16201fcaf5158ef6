"""File names taken apart."""

from __future__ import annotations

from mailsync.model.flags import Flags
from mailsync.model.ids import UniqueName
from mailsync.model.observation import LocalEntry


def test_where_a_file_lies_below_its_mailbox() -> None:
    seen = LocalEntry(UniqueName("1.a.host"), "cur", ":2,FS", Flags.FLAGGED | Flags.SEEN)
    assert seen.path == "cur/1.a.host:2,FS"
    assert LocalEntry(UniqueName("1.b.host"), "new", "", Flags.NONE).path == "new/1.b.host"

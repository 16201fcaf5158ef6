"""What taking over came to, as numbers and exit status."""

from __future__ import annotations

from mailsync.model.errors import Exit
from mailsync.model.former import AdoptedMailbox, Adoption, as_json, worst_of


def test_what_is_held_is_exit_3_and_all_pairs_count() -> None:
    box = AdoptedMailbox("INBOX", known=2, alike=3, before=4)
    assert box.paired == 9
    plain = Adoption("a", (box,))
    assert plain.exit is Exit.OK
    held = Adoption("b", (box, AdoptedMailbox("Sent", held_there=1)))
    assert held.exit is Exit.HELD
    assert Adoption("c", (AdoptedMailbox("x", held_here=1),)).exit is Exit.HELD
    failed = Adoption("d", errors=("no",), exits=frozenset({Exit.CONFIG}))
    assert worst_of([plain, held, failed]) is Exit.CONFIG
    assert worst_of([]) is Exit.OK


def test_json_names_every_number() -> None:
    done = Adoption("a", (AdoptedMailbox("INBOX", known=1, notices=("x",)),), ("e",))
    found = as_json([done])
    assert found["exit-status"] == 0
    account = found["accounts"]["a"]  # type: ignore[index]
    assert account["errors"] == ["e"]
    assert account["mailboxes"]["INBOX"] == {
        "paired": 1,
        "by-state": 1,
        "by-content": 0,
        "before": 0,
        "held-in-the-maildir": 0,
        "held-on-the-server": 0,
        "to-be-fetched": 0,
        "to-be-sent": 0,
        "notices": ["x"],
    }

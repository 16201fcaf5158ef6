"""A mailbox that the server does not list for once (rules 2 and 3): nothing of it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from support.storied import Story


def without_work(answer: bytes) -> bytes:
    lines = answer.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not (line.startswith(b"*") and b"Work" in line))


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("unlisted") as s:
        for box, ghosts in (("INBOX", "ab"), ("Work", "cde"), ("Other", "o"), ("Works", "")):
            if box != "INBOX":
                s.server.create(box)
            for ghost in ghosts:
                s.serve(box, ghost)
        assert s.tell().exit == 0
        yield s


def renamed_here(s: Story) -> None:
    s.rename("/mail/Work", "/mail/Moved")


Change = Callable[[Story], object]
CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "nothing": (lambda s: None, {}),
    "new here": (lambda s: s.file("Work", "n"), {"Work": "c d e n"}),
    "deleted here": (lambda s: s.unlink("Work", "c"), {"Work": "d e"}),
    "deleted there": (lambda s: s.expunge("Work", "c"), {"Work": "d e"}),
    "flagged": (lambda s: s.flag("Work", "c", "F"), {"Work": "c:F d e"}),
    "moved out here": (
        lambda s: s.move_file("Work", "c", "Other"),
        {"Work": "d e", "Other": "o c"},
    ),
    "moved in here": (
        lambda s: s.move_file("Other", "o", "Work"),
        {"Work": "c d e o", "Other": ""},
    ),
    "renamed here": (renamed_here, {"Moved": "c d e", "Work": ""}),
    "new UIDVALIDITY": (lambda s: s.server.new_uidvalidity("Work", 10), {}),
    "renamed there": (lambda s: s.server.rename("Work", "Moved"), {"Moved": "c d e", "Work": ""}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_meanwhile(story: Story, what: str) -> None:
    """It is asked for once more; what was changed is carried out, and no body sent or fetched."""
    change, after = CHANGES[what]
    change(story)
    story.server.fault("LIST", without_work)
    ran = story.tell()
    assert (ran.exit, ran.commands["LIST"], ran.commands["DELETE"]) == (0, 2, 0), ran.text
    assert (ran.fetched, ran.stored) == (0, what == "new here")
    views = {"INBOX": "a b", "Work": "c d e", "Other": "o", **after}
    story.agree({box: ghosts for box, ghosts in views.items() if ghosts})


def test_one_that_is_gone_is_asked_for_once_more_only_once(story: Story) -> None:
    story.server.delete("Work")
    assert story.tell().commands["LIST"] == 2
    ran = story.tell()
    assert (ran.exit, ran.commands["LIST"]) == (3, 1)
    story.idle(exit=3)

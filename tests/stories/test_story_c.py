"""(c) Expunged on the server with an unsent local flag: \\Seen → undo, \\Flagged → put back.

And the mirror image: a file removed here, a flag changed there.
"""

from __future__ import annotations

import pytest
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message

LOST = {"seen": "S", "taken seen away": ""}
KEPT = {"flagged": "FS", "answered": "RS", "draft": "DS", "forwarded": "PS", "both": "FRS"}


@pytest.mark.parametrize("letters", LOST.values(), ids=LOST)
def test_story_c_seen_goes_to_undo(letters: str) -> None:
    with Story("c") as story:
        story.serve("INBOX", "a", *([] if letters else ["\\Seen"]))
        story.serve("INBOX", "b")
        story.tell()
        story.flag("INBOX", "a", letters)
        story.expunge("INBOX", "a")
        ran = story.tell()
        assert (ran.exit, ran.total.removed, ran.stored) == (0, 1, 0)
        assert list(story.undo().values()) == [story.oracle.bodies["a"]]
        story.agree({"INBOX": "b"})


@pytest.mark.parametrize("letters", KEPT.values(), ids=KEPT)
def test_story_c_flagged_is_put_back(letters: str) -> None:
    with Story("c") as story:
        story.serve("INBOX", "a", "\\Seen")
        story.serve("INBOX", "b")
        story.tell()
        story.flag("INBOX", "a", letters)
        story.server.expunge("INBOX", story.uid_of("INBOX", "a"))
        ran = story.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.removed) == (0, 1, 0)
        assert (ran.fetched, ran.stored) == (0, 1)
        assert story.undo() == {}
        story.agree({"INBOX": f"a:{letters} b"})


def test_story_c_no_longer_deleted_is_put_back() -> None:
    """The user took \\Deleted away while another client expunged."""
    with Story("c") as story:
        story.serve("INBOX", "a", "\\Deleted")
        story.tell()
        story.flag("INBOX", "a", "")
        story.server.expunge("INBOX", story.uid_of("INBOX", "a"))
        ran = story.tell()
        assert (ran.exit, ran.stored) == (0, 1)
        story.agree({"INBOX": "a"})


@pytest.mark.parametrize(
    ("flag", "fetched", "after"),
    [("\\Seen", 0, "b"), ("\\Flagged", 1, "a:F b"), ("$Label1", 1, "a b"), ("$Junk", 0, "b")],
)
def test_story_c_mirrored(flag: str, fetched: int, after: str) -> None:
    with Story("c") as story:
        story.serve("INBOX", "a")
        story.serve("INBOX", "b")
        story.tell()
        story.server.set_flags("INBOX", story.uid_of("INBOX", "a"), [flag])
        story.unlink("INBOX", "a")
        ran = story.tell()
        assert (ran.exit, ran.fetched, ran.stored) == (0, fetched, 0)
        assert ran.total.expunged == 1 - fetched
        story.agree({"INBOX": after})


@pytest.mark.dovecot
def test_story_c_on_dovecot(wired: Wired) -> None:
    wired.fill(6)
    wired.settle()
    bodies = {number: canonical(message(number)) for number in range(6)}
    path = {body: path for path in wired.files() for body in [path.read_bytes()]}
    for number, letters in ((0, "S"), (1, "F"), (2, "FS")):
        old = path[bodies[number]]
        old.rename(wired.box() / "cur" / (old.name.split(":")[0] + ":2," + letters))
    path[bodies[3]].unlink()
    path[bodies[4]].unlink()
    with wired.client() as client:
        client.expunge([1, 2, 3])
        client.store([4], "+FLAGS (\\Seen)")
        client.store([5], "+FLAGS (\\Flagged)")
    report = wired.sync()
    total = report.total()
    assert report.exit == 0, report
    assert (total.removed, total.uploaded) == (1, 2), report
    assert (total.expunged, total.downloaded) == (1, 1), report
    assert wired.traffic.bodies == 1
    assert wired.traffic.sent_bytes == len(message(1)) + len(message(2))
    wired.assert_equal()
    assert sorted((body, flags) for body, flags in wired.local_view()) == sorted(
        [(bodies[1], "F"), (bodies[2], "FS"), (bodies[4], "F"), (bodies[5], "")]
    )
    undo = list((wired.state / "undo").iterdir())
    assert [path.read_bytes() for path in undo] == [bodies[0]]
    wired.idle()

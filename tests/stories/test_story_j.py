"""(j) A draft edited in place; a draft saved anew."""

from __future__ import annotations

import os

import pytest
from sim.oracle import body_of
from sim.server_profile import plain_no_uidplus, strict_qresync
from support.client import canonical
from support.storied import Story
from support.wired import Wired, message

from mailsync.model.settings import Deletions


@pytest.fixture(params=[strict_qresync, plain_no_uidplus])
def story(request: pytest.FixtureRequest) -> Story:
    """A draft x on both sides, a message x in INBOX with the same bytes."""
    with Story("j", request.param(), deletions=Deletions.TRASH) as made:
        if made.server.profile.special_use is False:
            made.change(trash="Trash")
        made.serve("Drafts", "x", "\\Draft")
        made.serve("Drafts", "other", "\\Draft")
        made.tell()
        yield made


def edit(story: Story, box: str, ghost: str, size: int) -> None:
    """The same file with other bytes, written by another name and a rename."""
    path = story.path_of(box, ghost)
    story.oracle.deleted.add(ghost)
    body = body_of(f"{ghost}2", size)
    story.oracle.born(f"{ghost}2", body)
    story.write(f"{path}.swp", body, 1_790_000_777)
    story.fs.replace(f"{path}.swp", path)
    story.fs.sync_dir(path.rpartition("/")[0])


def sent_before_deleted(story: Story, since: int) -> None:
    names = [one.name for one in story.server.changing(since)]
    assert names.count("APPEND") == 1
    deletions = [at for at, name in enumerate(names) if name in {"UID EXPUNGE", "EXPUNGE"}]
    assert len(deletions) == 1
    assert names.index("APPEND") < deletions[0]


@pytest.mark.parametrize("size", [0, 500])
def test_story_j_edited_in_place(story: Story, size: int) -> None:
    """Even where name, folder times and number of files say that nothing happened."""
    edit(story, "Drafts", "x", size)
    since = len(story.server.executed)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 1)
    sent_before_deleted(story, since)
    story.agree({"Drafts": "x2:D other:D"})


def test_story_j_saved_anew(story: Story) -> None:
    """The reader removes its old file and writes another, with the same Message-ID."""
    path = story.path_of("Drafts", "x")
    story.oracle.deleted.add("x")
    body = body_of("x", 300).replace(b"X-Ghost: x\n", b"X-Ghost: x2\n")
    story.oracle.born("x2", body)
    story.fs.unlink(path)
    story.write(f"/mail/Drafts/cur/{1_790_000_777}.anew.reader:2,DS", body, 1_790_000_777)
    since = len(story.server.executed)
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 0, 1)
    sent_before_deleted(story, since)
    story.agree({"Drafts": "x2:DS other:D"})


def test_story_j_edited_on_both_sides(story: Story) -> None:
    """Another client replaced it, too: both versions are kept."""
    edit(story, "Drafts", "x", 100)
    story.server.expunge("Drafts", story.uid_of("Drafts", "x"))
    story.serve("Drafts", "x3", "\\Draft")
    ran = story.tell()
    assert (ran.exit, ran.fetched, ran.stored) == (0, 1, 1)
    story.agree({"Drafts": "x2:D x3:D other:D"})


def test_story_j_the_upload_is_refused(story: Story) -> None:
    """Then the old version stays on the server, because the new one is nowhere else."""
    edit(story, "Drafts", "x", 100)
    story.server.fault("APPEND", "NO [OVERQUOTA] full", sticky=True)
    ran = story.tell()
    assert (ran.exit, ran.stored) == (1, 0)
    assert "quota" in ran.text
    assert story.server.ghosts("Drafts") == {"x": 1, "other": 1}
    story.server.faults.clear()
    story.pass_time(3600)
    ran = story.tell()
    assert (ran.exit, ran.stored) == (0, 1)
    story.agree({"Drafts": "x2:D other:D"})


def test_story_j_sent(story: Story) -> None:
    """The draft goes, the sent message comes: with deletions = trash the draft is not lost."""
    story.server.create("Sent")
    story.unlink("Drafts", "x")
    story.file("Sent", "sent", ":2,S")
    ran = story.tell()
    assert (ran.exit, ran.stored) == (0, 1)
    story.agree({"Drafts": "other:D", "Sent": "sent:S", "Trash": "x:D"})


@pytest.mark.dovecot
def test_story_j_on_dovecot(wired: Wired) -> None:
    wired.changes["deletions"] = Deletions.TRASH
    with wired.client() as client:
        client.create("Drafts")
        client.create("Trash")
        for number in range(3):
            client.append(message(number), "Drafts", "\\Draft")
    wired.settle()
    by_body = {path.read_bytes(): path for path in wired.files("Drafts")}
    in_place, old = by_body[canonical(message(0))], by_body[canonical(message(1))]
    # The same size, the same name, no change of the folder.
    edited = in_place.read_bytes().replace(b"Body of 0", b"BODY OF 0")
    mtime = in_place.stat().st_mtime
    with in_place.open("r+b") as file:
        file.write(edited)
    os.utime(in_place, (mtime + 5, mtime + 5))
    anew = old.read_bytes() + b"one more line\n"
    old.unlink()
    (wired.box("Drafts") / "cur" / "1790000777.anew.reader:2,D").write_bytes(anew)
    report = wired.sync()
    assert report.exit == 0, report
    lines = [line.split(" {")[0] for line in wired.traffic.lines]
    appends = [at for at, line in enumerate(lines) if line.startswith("APPEND")]
    expunges = [at for at, line in enumerate(lines) if line.startswith("UID EXPUNGE")]
    assert len(appends) == len(expunges) == 1
    assert appends < expunges
    assert wired.traffic.bodies == 0
    assert wired.traffic.commands["UID MOVE"] == 0
    wired.assert_equal()
    assert {path.read_bytes() for path in wired.files("Drafts")} == {
        edited,
        anew,
        canonical(message(2)),
    }
    assert wired.files("Trash") == []
    wired.idle()

"""Pairing where headers say nothing: the whole body decides (semantics.md, rule 4)."""

from __future__ import annotations

from planner_world import Message, World

from mailsync.model.actions import Download, Pair, Upload
from mailsync.model.content import NO_HEADER
from mailsync.model.flags import Flags
from mailsync.planner import plan


def test_messages_without_a_header_are_not_one_message() -> None:
    """The same date and the same empty header on both sides, and other bytes."""
    world = World()
    box = world.box("INBOX")
    assert box.local is not None
    world.receive(box, "- one")
    box.local["file"] = Message("- two", Flags.NONE, world.clock)
    world.observe()
    world.look()
    for row in list(world.rows.values()):
        world.rows[row.id] = row = world.put(row, header=NO_HEADER)
    made = plan(world.due(), [], world.mailboxes(), world.policy)
    assert [type(action) for action in made.actions] == [Download]


def test_a_file_that_only_its_body_can_tell_goes_with_the_download() -> None:
    world = World()
    box = world.box("INBOX")
    assert box.local is not None
    uid = world.receive(box, "draft one", Flags.DRAFT)
    box.local["draft"] = Message("draft one", Flags.DRAFT, world.clock)
    box.local["other"] = Message("quite another", Flags.NONE, world.clock + 9)
    world.observe()
    made = world.plan()
    (download,) = [action for action in made.actions if isinstance(action, Download)]
    (upload,) = [action for action in made.actions if isinstance(action, Upload)]
    assert not [action for action in made.actions if isinstance(action, Pair)]
    assert [row.uid for row in download.rows] == [uid]
    assert [row.name for row in download.maybe] == ["draft"]
    assert [row.name for row in upload.rows] == ["other"]

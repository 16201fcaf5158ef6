"""What `mailsync check` must not call good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from unittest import mock

import pytest
from sim import loop
from sim.oracle import body_of
from sim.stack import DATE, _noted
from sim.steps import Steps
from sim.world import make_world
from support.storied import Story

from mailsync.model.checked import AccountCheck, CheckOptions
from mailsync.modes import check


@pytest.fixture
def story() -> Iterator[Story]:
    with Story("checked") as made:
        made.serve("INBOX", "a")
        yield made


def checked(story: Story) -> AccountCheck:
    world = make_world(story.server, story.fs, "check", Steps())
    with mock.patch.object(check, "production_world", return_value=nullcontext(world)), _noted():
        return loop.run(check._check(story.account, CheckOptions(), None))


@pytest.mark.parametrize("name", ["1.n.host", "1.\udcff.host", "1.\u200b.host"])
@pytest.mark.parametrize("notices", [0, 30])
def test_a_message_whose_name_is_taken(story: Story, name: str, notices: int) -> None:
    """However the name is shown, and however much else there is to say."""
    story.make("INBOX")
    story.write(f"/mail/INBOX/cur/{name}:2,S", body_of("n"), DATE)
    story.tell()
    story.tell()
    for at in range(notices):
        story.disk.plant(f"/mail/INBOX/cur/l{at}", kind="link", link="/mail")
    assert checked(story).exit == 0
    story.write(f"/mail/INBOX/new/{name}", body_of("other"), DATE)
    found = checked(story)
    ((box, difference),) = ((one.name, two) for one in found.mailboxes for two in one.differences)
    assert (found.exit, box, difference.file) == (1, "INBOX", f"new/{name}")
    story.tell()
    assert sorted(story.server.ghosts("INBOX")) == ["a", "n", "other"]
    assert checked(story).exit == 0

"""`sync --pull`, `--push`, `--no-delete`: less than the configuration allows, in this run only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sim.scenarios import six
from sim.server_profile import plain, strict_qresync
from support.storied import Story

from mailsync.model.settings import Direction


@pytest.fixture(params=[strict_qresync, plain])
def story(request: pytest.FixtureRequest) -> Iterator[Story]:
    """All there is to do, both ways: see `AFTER`."""
    with Story("narrow", request.param()) as made:
        six(made)
        made.tell()
        made.file("INBOX", "here")
        made.serve("INBOX", "there")
        made.server.move("INBOX", made.uid_of("INBOX", "a"), "Work")
        made.unlink("INBOX", "c")
        made.expunge("Work", "d")
        made.flag("Work", "e", "FS")
        yield made


AFTER = {"INBOX": "b:S here there", "Work": "a e:FS"}


def test_pull_changes_nothing_on_the_server(story: Story) -> None:
    for _ in range(2):
        executed = len(story.server.executed)
        ran = story.tell(pull=True)
        assert ran.exit == 0, ran.report
        assert story.server.changing(executed) == []
        assert "left to a sync without --pull" in ran.text
    assert story.path_of("Work", "a")
    assert story.path_of("INBOX", "there")
    ran = story.tell()
    assert (ran.stored, ran.total.expunged, ran.total.flags_server) == (1, 1, 1)
    assert "left to" not in ran.text
    story.agree(AFTER)


def test_push_changes_nothing_in_the_maildir(story: Story) -> None:
    before = story.mail()
    for _ in range(2):
        ran = story.tell(push=True)
        assert (ran.exit, story.mail()) == (0, before)
        assert "left to a sync without --push" in ran.text
    assert set(story.server.ghosts("INBOX")) == {"b", "here", "there"}
    ran = story.tell()
    assert (ran.fetched, ran.total.moved, ran.total.removed) == (1, 1, 1)
    story.agree(AFTER)


def test_no_delete_deletes_nothing(story: Story) -> None:
    for _ in range(2):
        ran = story.tell(no_delete=True)
        assert (ran.exit, ran.total.removed, ran.total.expunged) == (0, 0, 0)
        assert "left to a sync without --no-delete: Expunge 1" in ran.text
    assert "c" in story.server.ghosts("INBOX")
    assert story.path_of("Work", "d")
    ran = story.tell()
    assert (ran.total.removed, ran.total.expunged, ran.fetched, ran.stored) == (1, 1, 0, 0)
    story.agree(AFTER)


def test_a_dry_run_shows_the_rest_only(story: Story) -> None:
    (whole, pulled) = (story.tell(dry_run=True), story.tell(dry_run=True, pull=True))
    assert set(pulled.report.plan) < set(whole.report.plan)
    assert not [line for line in pulled.report.plan if line.startswith(("Upload", "Expunge"))]
    assert [line for line in pulled.report.plan if line.startswith(("Download", "MoveLocal"))]
    story.tell()
    story.agree(AFTER)


def test_they_never_allow_more_than_the_configuration(story: Story) -> None:
    story.change(direction=Direction.PUSH)
    before, executed = story.mail(), len(story.server.executed)
    assert story.tell(pull=True).exit == 0
    assert story.mail() == before
    assert story.server.changing(executed) == []

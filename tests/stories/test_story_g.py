"""(g) 300 held, files restored: paired again, nothing transferred."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story
from support.wired import Wired, text_of

from mailsync.model.settings import Guard

COUNT = 300
ALL = " ".join(f"m{number}" for number in range(COUNT))
PROFILES = [strict_qresync, plain]


@pytest.fixture(params=PROFILES)
def story(request: pytest.FixtureRequest) -> Story:
    profile: Callable[[], Profile] = request.param
    with Story("g", profile(), guard=Guard()) as made:
        for number in range(COUNT):
            made.serve("INBOX", f"m{number}")
        made.tell()
        yield made


def put_away(story: Story) -> dict[str, tuple[bytes, int]]:
    """All files are gone; what they were."""
    away: dict[str, tuple[bytes, int]] = {}
    for path, data in story.mail().items():
        if "/INBOX/" in path:
            away[path] = data, story.fs.stat(path).mtime_ns // 10**9
            story.fs.unlink(path)
    ran = story.tell()
    assert (ran.exit, ran.total.held) == (3, COUNT)
    assert "300 of 300" in ran.text
    assert "mailsync accept" in ran.text
    story.idle(exit=3)
    return away


def nothing_moved(story: Story) -> None:
    ran = story.tell()
    assert ran.exit == 0
    assert (ran.fetched, ran.stored) == (0, 0)
    assert ran.total.held == ran.total.expunged == ran.total.removed == 0
    story.agree({"INBOX": ALL})


def test_story_g(story: Story) -> None:
    for path, (data, mtime) in put_away(story).items():
        story.write(path, data, mtime)
    nothing_moved(story)


def test_story_g_under_other_names(story: Story) -> None:
    """As another program would put them back."""
    for at, (path, (data, mtime)) in enumerate(sorted(put_away(story).items())):
        story.write(f"{path.rpartition('/')[0]}/{at}.restored.reader", data, mtime)
    nothing_moved(story)


def test_story_g_with_other_dates(story: Story) -> None:
    """As a copy without the mtimes would put them back."""
    for path, (data, _) in put_away(story).items():
        story.write(path, data, 1_800_000_000)
    nothing_moved(story)


def test_story_g_some_of_them(story: Story) -> None:
    """Ten come back, 290 stay held, and accept deletes those alone."""
    away = put_away(story)
    for path, (data, mtime) in sorted(away.items())[:10]:
        story.write(path, data, mtime)
    ran = story.tell()
    assert (ran.exit, ran.total.held, ran.fetched, ran.stored) == (3, 290, 0, 0)
    story.idle(exit=3)
    assert story.accept("INBOX") == 290
    left = {ghost for _, ghost in local(story)}
    story.oracle.deleted |= story.oracle.bodies.keys() - left
    ran = story.tell()
    assert (ran.exit, ran.total.expunged) == (0, 290)
    story.agree({"INBOX": " ".join(left)})


def local(story: Story) -> list[tuple[str, str]]:
    views = story.oracle.local_views(story.fs.files())
    return [(box, ghost) for box, view in views.items() for ghost, _ in view]


def test_story_g_the_server_side() -> None:
    """Expunged there, held here, and put back there by another client: paired by content."""
    with Story("g", guard=Guard()) as story:
        for number in range(COUNT):
            story.serve("INBOX", f"m{number}")
        story.tell()
        messages = story.server.messages("INBOX")
        story.server.expunge("INBOX", [message.uid for message in messages])
        ran = story.tell()
        assert (ran.exit, ran.total.held) == (3, COUNT)
        story.idle(exit=3)
        for message in messages:
            story.server.deliver("INBOX", message.body, (), message.date)
        nothing_moved(story)


@pytest.mark.dovecot
def test_story_g_on_dovecot(wired: Wired, tmp_path: Path) -> None:
    wired.changes["guard"] = Guard()
    wired.fill(COUNT)
    wired.settle()
    (tmp_path / "away").mkdir()
    for path in wired.files():
        path.rename(tmp_path / "away" / path.name)
    report = wired.sync()
    assert (report.exit, report.total().held) == (3, COUNT), report
    assert "mailsync accept" in text_of(report)
    wired.idle(exit=3)
    for path in (tmp_path / "away").iterdir():
        path.rename(wired.box() / "cur" / path.name)
    report = wired.settle()
    assert (wired.traffic.bodies, wired.traffic.sent_bytes) == (0, 0), wired.traffic
    assert report.total().expunged == report.total().held == 0
    assert len(wired.files()) == COUNT
    wired.idle()

"""`sync --dry-run`: the plan with its reasons; no byte changes on either side or under state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.rig import message
from support.wired import Wired

pytestmark = pytest.mark.dovecot

LOOKING = {
    "AUTHENTICATE",
    "CAPABILITY",
    "ENABLE",
    "EXAMINE",
    "ID",
    "LIST",
    "LOGIN",
    "LOGOUT",
    "NAMESPACE",
    "NOOP",
    "STATUS",
    "UID FETCH",
    "UID SEARCH",
}


def everything(root: Path) -> dict[str, tuple[object, ...]]:
    """Every file and directory under the rig's root with its bytes and times."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(root.rglob("*"))
    }


def dry(rig: Wired) -> tuple[str, ...]:
    before = everything(rig.root)
    with rig.client() as client:
        server = {name: client.view(name) for name in client.boxes()}
    report = rig.sync(dry_run=True)
    assert report.exit == 0, report
    assert set(rig.traffic.commands) <= LOOKING, rig.traffic.commands
    assert everything(rig.root) == before
    with rig.client() as client:
        assert {name: client.view(name) for name in client.boxes()} == server
    return report.plan


def test_before_anything_was_synced(wired: Wired) -> None:
    wired.fill(3)
    plan = dry(wired)
    assert "Download INBOX UID 1:3: new on the server" in plan
    assert not wired.maildir.exists()
    assert not wired.state.exists()


def test_a_maildir_that_is_full_already(wired: Wired) -> None:
    """Pairing looks at headers, by EXAMINE."""
    wired.fill(5)
    wired.settle()
    wired.lose_cache()
    for path in wired.files():
        path.rename(path.parent / f"17.{path.name[-20:]}")
    plan = dry(wired)
    assert plan == ("Pair INBOX UID 1:5 with files that are there: same header",)


def test_changes_of_every_kind(wired: Wired) -> None:
    wired.fill(6)
    wired.settle()
    with wired.client() as client:
        client.store([1], "+FLAGS (\\Flagged)")
        client.expunge([2])
        client.append(message("new there"))
    wired.files()[-1].unlink()
    wired.put(message("new here"))
    wired.make("Made")
    plan = "\n".join(dry(wired))
    for wanted in (
        r"^SetLocalFlags INBOX \+F UID 1: flags differ$",
        r"^RemoveLocal INBOX UID 2: expunged on the server$",
        r"^Download INBOX UID 7: new on the server$",
        r"^Expunge INBOX UID 6: deleted in the Maildir$",
        r"^Upload INBOX \S+: new in the Maildir$",
        r"^CreateMailbox Made: new in the Maildir$",
    ):
        assert re.search(wanted, plan, re.MULTILINE), (wanted, plan)
    wired.settle()


def test_flags_that_the_server_cannot_keep_are_not_planned(wired: Wired) -> None:
    wired.wire.rewrite = lambda response: re.sub(
        rb"\[PERMANENTFLAGS \([^)]*\)\]", rb"[PERMANENTFLAGS (\\Seen)]", response
    )
    wired.fill(2)
    wired.sync()
    for path in wired.files():
        path.rename(path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,F")
    assert wired.sync().total().flags_server == 0
    assert dry(wired) == ()

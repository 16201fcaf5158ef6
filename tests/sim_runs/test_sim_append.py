"""What some servers want of an APPEND (protocol.md §2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sim.oracle import body_of
from sim.server_profile import Profile, plain, strict_qresync
from support.storied import Story

PROFILES = [strict_qresync(), replace(plain(), uidplus=False)]


def changed(profile: Profile, *extra: str, **changes: object) -> Profile:
    return replace(profile, extra=extra, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_a_message_without_a_line_end_at_its_end(profile: Profile) -> None:
    """Yahoo refuses it; the file stays as it is, and pairs."""
    with Story("crlf", changed(profile, "XYMHIGHESTMODSEQ", wants_crlf=True)) as s:
        path = s.file("INBOX", "a")
        bare = body_of("a").rstrip(b"\n")
        s.fs.unlink(path)
        s.write(path, bare, 1_700_000_005)
        s.oracle.born("a", bare)
        s.file("INBOX", "b")
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded) == (0, 2), ran.report
        bodies = {m.ghost: m.body for m in s.server.contents("INBOX")}
        assert bodies["a"] == bare.replace(b"\n", b"\r\n") + b"\r\n"
        assert bare in s.mail().values()
        s.idle()


@pytest.mark.parametrize("known", [("CLIENTACCESSRULES",), ()], ids=["by name", "unknown"])
@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_flagged_is_stored_where_append_forgets_it(
    profile: Profile, known: tuple[str, ...]
) -> None:
    """Exchange Online; else the flag would be taken away here, as if removed there."""
    with Story("flagged", changed(profile, *known, forgets_flagged=True)) as s:
        s.file("INBOX", "a", ":2,FS")
        s.file("INBOX", "b", ":2,S")
        assert s.tell().exit == 0
        s.agree({"INBOX": "a:FS b:S"})


@pytest.mark.parametrize("by_mailbox", [True, False])
def test_too_big_a_message_is_not_sent(by_mailbox: bool) -> None:
    """RFC 7889: one limit, or one for each mailbox, told by STATUS."""
    profile = replace(strict_qresync(), append_limit=2000, append_limit_by_mailbox=by_mailbox)
    with Story("limit", profile) as s:
        s.file("INBOX", "big", size=3000)
        s.file("INBOX", "small")
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.failed) == (1, 1, 1)
        assert "at most 2000" in ran.text
        assert (ran.commands["APPEND"], ran.commands["STATUS"]) == (1, int(by_mailbox))


def test_a_limit_that_is_not_told_is_none() -> None:
    """Announced, and refused when asked: the server's own refusal says it then."""
    profile = replace(strict_qresync(), append_limit=2000, append_limit_by_mailbox=True)
    with Story("untold", profile) as s:
        s.server.fault("STATUS", "BAD what?", sticky=True)
        s.file("INBOX", "small")
        s.file("INBOX", "big", size=3000)
        ran = s.tell()
        assert (ran.exit, ran.total.uploaded, ran.total.failed) == (1, 1, 1)
        assert ran.commands["STATUS"] == 1

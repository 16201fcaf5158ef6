"""Flags: the merge (I9), and which changes save a message from deletion (I10)."""

from __future__ import annotations

import pytest
from planner_tables import OFF, Table

from mailsync.model.flags import ALL_FLAGS, Flags
from mailsync.model.settings import Deletions
from mailsync.planner import Policy
from mailsync.planner.flags import based, keyword_saves, merge, merged

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
GMAIL = Policy(guard=OFF, gmail=True)


def test_the_merge_of_every_flag() -> None:
    """The side that differs from the base wins; without one: union, \\Deleted by intersection,
    \\Draft as the server says."""
    for flag in Flags:
        bits = (Flags.NONE, flag)
        for server in bits:
            for local in bits:
                union = {Flags.DELETED: server & local, Flags.DRAFT: server}
                assert merged(None, server, local) == union.get(flag, server | local)
                for base in bits:
                    wanted = server if server == local else base ^ flag
                    assert merged(base, server, local) == wanted, (base, server, local)


# the side that is there, before and now | it is saved
SAVING = """
    .  S  | no
    S  .  | no
    .  F  | yes
    .  R  | yes
    .  D  | yes
    .  P  | yes
    .  T  | no
    T  .  | yes
    F  .  | no
    R  .  | no
    S  SF | yes
    F  FS | no
    TS S  | yes
"""


@pytest.mark.parametrize("line", SAVING.strip().splitlines(), ids=str.strip)
@pytest.mark.parametrize("on_server", [True, False])
def test_what_saves_a_message_from_deletion(line: str, on_server: bool) -> None:
    base, now, _, saved = line.split()
    state = f"{now} x {base}" if on_server else f"x {now} {base}"
    deleting = "Expunge INBOX a" if on_server else "RemoveLocal INBOX a"
    saving = "Download INBOX a" if on_server else "Upload INBOX a"
    there = "" if saved == "no" else "INBOX a" + ("" if now == "." else f":{now}")
    there = there.replace("SF", "FS")
    Table(f"INBOX a {state}", EXPUNGE).play(saving if saved == "yes" else deleting, there)


@pytest.mark.parametrize(
    ("base", "now", "saved"),
    [
        ("", "$Work", True),
        ("", "$Junk", False),
        ("", "JUNK", False),
        ("", "$NotJunk,NonJunk,$MDNSent", False),
        ("", "$Junk,work", True),
        ("$Work", "", False),
        ("$Work", "$work", False),
        ("$Work", "$Work", False),
        ("$Work", "$Work,$Other", True),
        ("", "\\Odd", False),
    ],
)
def test_keywords(base: str, now: str, saved: bool) -> None:
    was, is_now = (frozenset(filter(None, one.split(","))) for one in (base, now))
    assert keyword_saves(was, is_now) is saved
    more = f"keywords={now}" + (f" synced_extra={base}" if base else "")
    table = Table(f"INBOX a . x . {more}", EXPUNGE)
    assert table.plan() == ("Download INBOX a" if saved else "Expunge INBOX a")


def test_a_base_that_merges_as_none_does() -> None:
    sides = [Flags(n) for n in range(0, 64, 3)]
    for server in sides:
        for local in sides:
            assert based(Flags.SEEN, server, local) == Flags.SEEN
            found = based(None, server, local)
            assert merge(found, server, local) == merged(None, server, local)


def test_a_flag_that_the_server_cannot_keep_stays_where_it_is() -> None:
    boxes = {"INBOX": {"permanent": ALL_FLAGS & ~Flags.FLAGGED}}
    Table("INBOX a . F .", EXPUNGE, boxes).play("", "INBOX a", "INBOX a:F")
    Table("INBOX a x F .", EXPUNGE, boxes).play("RemoveLocal INBOX a", "")


# state | first plan | server in the end | Maildir in the end
ON_GMAIL = """
    .  T  .  | Unsent INBOX a                                     | INBOX a   | INBOX a:T
    .  ST .  | StoreFlags INBOX a +S                              | INBOX a:S | INBOX a:ST
    T  .  .  | SetLocalFlags INBOX a +T                           | INBOX a:T | INBOX a:T
    S  T  .  | SetLocalFlags INBOX a +S                           | INBOX a:S | INBOX a:ST
"""


@pytest.mark.parametrize("line", ON_GMAIL.strip().splitlines(), ids=str.strip)
def test_gmail_is_never_sent_deleted(line: str) -> None:
    state, plan, server, local = (cell.strip() for cell in line.split("|"))
    Table(f"INBOX a {state}", GMAIL).play(plan, server, local)


def test_groups_of_equal_changes() -> None:
    lines = """
        INBOX a .  S .
        INBOX b .  S .
        INBOX c .  F .
        INBOX d S  . .
        INBOX e FS . FS
    """
    plan = """StoreFlags INBOX c +F; StoreFlags INBOX a+b +S; StoreFlags INBOX e -FS;
        SetLocalFlags INBOX d +S"""
    table = Table(lines, EXPUNGE)
    assert sorted(table.plan().split("; ")) == sorted(" ".join(plan.split()).split("; "))
    assert table.end() == ("INBOX a:S b:S c:F d:S e", "INBOX a:S b:S c:F d:S e")


def test_nothing_to_do_is_no_action() -> None:
    """Agreed since it was read: neither a flag to send nor one to wait for."""
    from mailsync.planner import plan

    table = Table("INBOX a S S .", EXPUNGE)
    assert plan([table.world.rows[1]], [], table.world.mailboxes(), EXPUNGE).actions == ()

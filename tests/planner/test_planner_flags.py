"""Flags: the merge (I9), and which changes save a message from deletion (I10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planner_tables import OFF, Table

from mailsync.model.actions import Defer, SetLocalFlags, StoreFlags
from mailsync.model.flags import ALL_FLAGS, KEYWORDS, SYSTEM, Flags, from_letters
from mailsync.model.ids import UID, MailboxId, RowId, UniqueName
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import INBOX
from mailsync.model.rows import Mailbox, Presence, Row, Side
from mailsync.model.settings import Deletions, Direction
from mailsync.planner import Policy, plan
from mailsync.planner.flags import based, for_file, keyword_saves, merge, merged, saves

EXPUNGE = Policy(deletions=Deletions.EXPUNGE, guard=OFF)
GMAIL = Policy(guard=OFF, gmail=True)
PULL = Policy(guard=OFF, direction=Direction.PULL)
PUSH = Policy(guard=OFF, direction=Direction.PUSH)


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


@pytest.mark.parametrize(
    ("state", "policy", "side", "reason"),
    [
        (". S .", PULL, Side.SERVER, "flags: the server is not to be changed here"),
        ("S . .", PUSH, Side.LOCAL, "flags: the Maildir is not to be changed here"),
        (". T .", GMAIL, Side.SERVER, "\\Deleted is never sent to Gmail"),
    ],
)
def test_what_is_said_of_flags_that_wait(
    state: str, policy: Policy, side: Side, reason: str
) -> None:
    boxes = {"INBOX": {"permanent": ALL_FLAGS & ~Flags.DRAFT}}
    (defer,) = Table(f"INBOX a {state}", policy, boxes).world.plan().actions
    assert isinstance(defer, Defer)
    assert (defer.side, defer.reason) == (side, reason)


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


WORDS = Keywords(["$Junk", "Work", "Later"])
JUNK, WORK = WORDS.flag("$Junk"), WORDS.flag("Work")


@pytest.mark.parametrize(
    ("base", "now", "saved"),
    [
        (Flags.NONE, WORK, True),
        (Flags.NONE, JUNK, False),
        (Flags.NONE, JUNK | WORK, True),
        (WORK, Flags.NONE, False),
        (WORK, WORK | JUNK | Flags.SEEN, False),
    ],
)
def test_a_keyword_saves_like_a_flag(base: Flags, now: Flags, saved: bool) -> None:
    assert saves(base, now, WORDS.quiet) is saved


@pytest.mark.parametrize(
    ("state", "word", "first"),
    [
        (". x .", WORK, "Download INBOX a"),
        (". x .", JUNK, "Expunge INBOX a"),
        ("x . .", WORK, "Upload INBOX a"),
        ("x . .", JUNK, "RemoveLocal INBOX a"),
    ],
)
def test_a_keyword_that_programs_set_saves_no_message(state: str, word: Flags, first: str) -> None:
    table = Table(f"INBOX a {state}", replace(EXPUNGE, quiet=WORDS.quiet))
    row = table.world.rows[1]
    table.world.rows[1] = replace(row, server_flags=word, local_flags=word)
    assert table.plan() == first


def test_keywords_are_merged_one_by_one() -> None:
    late = WORDS.flag("Later")
    assert merged(JUNK | WORK, WORK | late, JUNK | WORK | Flags.SEEN) == WORK | late | Flags.SEEN
    assert merged(None, JUNK, WORK) == JUNK | WORK


def test_what_a_new_file_says_of_keywords() -> None:
    """Nothing if its name shows none; nothing of those for which its mailbox has no letter."""
    base = Flags.SEEN | JUNK | WORK
    silent = Row(RowId(1), MailboxId(1), local=Presence.THERE)
    shows = replace(silent, local_flags=JUNK)
    old = replace(silent, synced=Flags.NONE)
    assert for_file(None, silent, KEYWORDS) is None
    assert for_file(base, old, Flags.NONE) == base
    assert for_file(base, silent, KEYWORDS) == Flags.SEEN
    assert for_file(base, shows, KEYWORDS) == base
    assert for_file(base, shows, JUNK) == Flags.SEEN | JUNK


LOST = Row(
    RowId(1),
    MailboxId(1),
    uid=UID(7),
    server=Presence.THERE,
    name=UniqueName("f"),
    folder="cur",
    local=Presence.THERE,
)


@pytest.mark.parametrize(
    ("server", "local", "lost", "stored", "written"),
    [
        ("", "a", "a", "", "+a"),
        ("a", "aS", "a", "+S", "+a"),
        ("F", "aS", "a", "+S", "+F-a"),
        ("aF", "abS", "ab", "+S", "+Fa-b"),
    ],
)
def test_letters_that_a_reader_dropped_are_written_again(
    server: str, local: str, lost: str, stored: str, written: str
) -> None:
    """`a` is $Junk; base: what the file has without S.  One that the server removed is not."""

    def flags(text: str) -> Flags:
        found = from_letters(text)
        for letter, flag in (("a", JUNK), ("b", WORK)):
            found |= flag if letter in text else Flags.NONE
        return found

    def change(action: StoreFlags | SetLocalFlags) -> tuple[Flags, Flags]:
        return action.add, action.remove

    permanent = ALL_FLAGS if server else SYSTEM
    box = Mailbox(
        MailboxId(1),
        INBOX,
        Presence.THERE,
        Presence.THERE,
        synced=True,
        permanent=permanent,
    )
    row = replace(
        LOST,
        server_flags=flags(server),
        local_flags=flags(local) & permanent,
        lost=flags(lost),
        synced=flags(local) & ~Flags.SEEN & permanent,
    )
    actions = plan([row], [], [box], EXPUNGE).actions

    def parts(text: str) -> tuple[Flags, Flags]:
        add, _, remove = text.removeprefix("+").partition("-")
        return flags(add), flags(remove)

    sent = [change(one) for one in actions if isinstance(one, StoreFlags)]
    here = [change(one) for one in actions if isinstance(one, SetLocalFlags)]
    assert sent == ([parts(stored)] if stored else [])
    assert here == [parts(written)]

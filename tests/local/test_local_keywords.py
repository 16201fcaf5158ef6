"""Letters a to z: each mailbox by its own `dovecot-keywords`."""

from __future__ import annotations

import errno

import pytest
from sim.fs import SimFs
from support.maildirs import BOX, DATE, Ground, entry_of

from mailsync.model.errors import StorageError
from mailsync.model.flags import KEYWORDS, Flags, from_letters
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName

OTHER = MailboxName("Other")
TABLE = Keywords(["$Junk", "Work", "Later"])
JUNK, WORK, LATER = (TABLE.flag(name) for name in TABLE.names)


@pytest.fixture
def known(ground: Ground) -> Ground:
    ground.maildir.create(OTHER)
    ground.maildir.know(TABLE)
    return ground


def table(ground: Ground, text: str, box: str = "INBOX") -> None:
    ground.put(f"{box}/dovecot-keywords", text.encode())


def written(ground: Ground, box: str = "INBOX") -> str:
    assert "dovecot-keywords.lock" not in ground.names(box)
    if "dovecot-keywords" not in ground.names(box):
        return ""
    return ground.read(f"{box}/dovecot-keywords").decode()


@pytest.mark.parametrize(
    ("text", "info", "shown"),
    [
        ("0 Work\n1 $Junk\n", "Sab", Flags.SEEN | WORK | JUNK),
        ("0 WORK\n", "Sa", Flags.SEEN | WORK),
        ("0 Work\n0 Later\n", "a", WORK),
        ("0 Work\r\n", "a", WORK),
        ("25 Work", "z", WORK),
        ("26 Work\n99 Later\n", "ab", Flags.NONE),
        ("0 $Forwarded\n", "Sa", Flags.SEEN | Flags.FORWARDED),
        ("x Work\n0\n 0 Work\n\n1 Work\n", "ab", WORK),
        ("0 Wörk\n", "a", Flags.NONE),
        ("", "ab", Flags.NONE),
    ],
)
def test_what_letters_mean(known: Ground, text: str, info: str, shown: Flags) -> None:
    known.put(f"INBOX/cur/f:2,{info}")
    if text:
        table(known, text)
    assert entry_of(known).flags == shown


def test_keywords_that_the_account_does_not_know_are_told(known: Ground) -> None:
    """Only those in use, and only what can be a keyword."""
    known.put("INBOX/cur/f:2,abc")
    table(known, "0 New\n1 two words\n2 Work\n3 Unused\n")
    found = known.maildir.entries(BOX)
    assert found is not None
    assert found.untold == {"New"}
    assert found.entries[0].flags == WORK


def test_where_there_are_none_nothing_is_looked_for(ground: Ground) -> None:
    ground.put("INBOX/cur/f:2,S")
    found = ground.maildir.entries(BOX)
    assert found is not None
    assert (found.lettered, found.exact, found.untold) == (None, False, frozenset())


def test_a_dovecot_at_work_is_seen(known: Ground) -> None:
    known.put("INBOX/cur/f:2,S")
    known.put("INBOX/dovecot-uidlist")
    found = known.maildir.entries(BOX)
    assert found is not None
    assert found.exact
    assert found.lettered == KEYWORDS


@pytest.mark.parametrize("file", ["dovecot-uidlist", "dovecot-keywords"])
def test_what_may_not_be_looked_at_is_named(sim: Ground, file: str) -> None:
    def refuse(name: str, path: str) -> None:
        if path.endswith(file):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    sim.maildir.know(TABLE)
    assert isinstance(sim.fs, SimFs)
    sim.fs.refuse = refuse
    with pytest.raises(StorageError, match=f"INBOX/{file}: Permission denied"):
        sim.maildir.entries(BOX)


def test_what_has_a_letter_or_can_get_one(known: Ground) -> None:
    used = "abcdefghijklmnopqrstuvwx"
    known.put(f"INBOX/cur/f:2,{used}")
    found = known.maildir.entries(BOX)
    assert found is not None
    assert found.lettered == JUNK | WORK
    table(known, "0 Later\n")
    found = known.maildir.entries(BOX)
    assert found is not None
    assert found.lettered == LATER | JUNK | WORK


# the mailbox's table | before | + | - | after | its table then
SET = """
                     | new/f:2,        | Ja  |    | cur/f:2,Sa      | 0 $Junk,1 Work,2 Later
                     | cur/f:2,S       | a   |    | cur/f:2,Sa      | 0 $Junk,1 Work,2 Later
                     | cur/f:2,Sa      | b   |    | cur/f:2,Sab     | 1 Work,2 Later,3 $Junk
    0 Other          | cur/f:2,Sa      | b   |    | cur/f:2,Sab     | 0 Other,1 Work
    0 Work           | cur/f:2,Sa      | a   |    | cur/f:2,Sab     | 0 Work,1 $Junk
    0 Work           | cur/f:2,Sa      | F   |    | cur/f:2,FSa     | 0 Work
    0 Work           | cur/f:2,Sax     |     | b  | cur/f:2,Sx      | 0 Work
    0 $Junk          | cur/f,S=1:2,Sa,x=y | a | S | cur/f,S=1:2,a,x=y | 0 $Junk
    0 $Forwarded     | cur/f:2,Sa      | F   |    | cur/f:2,FSa     | 0 $Forwarded
    0 $Forwarded     | cur/f:2,Sa      |     | P  | cur/f:2,S       | 0 $Forwarded
    0 $Forwarded     | cur/f:2,S       | P   |    | cur/f:2,PS      | 0 $Forwarded
    0 $Forwarded     | cur/f:2,PSa     | F   |    | cur/f:2,FPSa    | 0 $Forwarded
                     | new/f           | a   |    | new/f           |
"""


@pytest.mark.parametrize("line", SET.strip("\n").splitlines(), ids=str.strip)
def test_set_flags(known: Ground, line: str) -> None:
    """In this table a, b, c are $Junk, Work, Later, whatever letter they have; J stands for S."""
    text, before, add, remove, after, then = (cell.strip() for cell in line.split("|"))
    known.put(f"INBOX/{before}")
    if text:
        table(known, "".join(f"{one}\n" for one in text.split(",")))

    def flags(cell: str) -> Flags:
        found = from_letters(cell.replace("J", "S"))
        for letter, flag in (("a", JUNK), ("b", WORK), ("c", LATER)):
            found |= flag if letter in cell else Flags.NONE
        return found

    entry = entry_of(known)
    if before == "new/f:2,":
        assert entry.folder == "new"
    new = known.maildir.set_flags(BOX, entry, flags(add), flags(remove))
    folder, _, name = after.partition("/")
    assert known.names(f"INBOX/{folder}") == [name]
    assert new == entry_of(known)
    assert written(known) == "".join(f"{one}\n" for one in then.split(",") if one)


def test_a_table_that_somebody_writes_now_is_left_alone(known: Ground) -> None:
    known.put("INBOX/cur/f:2,S")
    known.put("INBOX/dovecot-keywords.lock")
    new = known.maildir.set_flags(BOX, entry_of(known), JUNK | Flags.FLAGGED, Flags.NONE)
    assert new == entry_of(known)
    assert known.names("INBOX/cur") == ["f:2,FS"]
    assert "dovecot-keywords" not in known.names("INBOX")


def test_a_lock_that_a_crash_left_is_broken(sim: Ground) -> None:
    sim.maildir.know(TABLE)
    sim.put("INBOX/cur/f:2,S")
    sim.put("INBOX/dovecot-keywords.lock")
    sim.age(121)
    sim.maildir.spread_keywords(BOX)
    assert written(sim) == "0 $Junk\n1 Work\n2 Later\n"


def test_no_letter_is_left(known: Ground) -> None:
    full = "".join(f"{number} k{number}\n" for number in range(26))
    table(known, full)
    known.put("INBOX/cur/f:2,S")
    new = known.maildir.set_flags(BOX, entry_of(known), JUNK | Flags.FLAGGED, Flags.NONE)
    assert new == entry_of(known)
    assert known.names("INBOX/cur") == ["f:2,FS"]
    assert written(known) == full


def test_a_table_that_is_read_in_part_only_is_not_replaced(known: Ground) -> None:
    known.put("INBOX/cur/f:2,S")
    long = "0 $Junk\n" + "x" * 70_000 + "\n"
    table(known, long)
    known.maildir.set_flags(BOX, entry_of(known), WORK, Flags.NONE)
    known.maildir.spread_keywords(BOX)
    assert written(known) == long


def test_a_line_without_an_end_is_ended(known: Ground) -> None:
    known.put("INBOX/cur/f:2,S")
    table(known, "0 $Junk")
    known.maildir.spread_keywords(BOX)
    assert written(known) == "0 $Junk\n1 Work\n2 Later\n"


def test_every_mailbox_gets_the_account_s_table_but_for_one_of_its_own(known: Ground) -> None:
    table(known, "0 Work\n", "Other")
    for _ in range(2):
        known.maildir.spread_keywords(BOX)
        known.maildir.spread_keywords(OTHER)
    assert written(known) == "0 $Junk\n1 Work\n2 Later\n"
    assert written(known, "Other") == "0 Work\n"


@pytest.mark.parametrize(
    ("theirs", "after", "then"),
    [
        ("", "f:2,Sabd", "0 $Junk\n1 Work\n2 Later\n"),
        ("0 Work\n", "f:2,Sabd", "0 Work\n1 $Junk\n"),
        ("3 Work\n", "f:2,Sad", "3 Work\n0 $Junk\n"),
    ],
)
def test_a_move_takes_meanings_along_not_letters(
    known: Ground, theirs: str, after: str, then: str
) -> None:
    known.put("INBOX/cur/f:2,Sabd")
    table(known, "0 Work\n1 $Junk\n3 Gone\n")
    if theirs:
        table(known, theirs, "Other")
    entry = known.maildir.move(BOX, entry_of(known), OTHER)
    assert entry is not None
    assert entry.flags == Flags.SEEN | WORK | JUNK
    assert known.names("Other/cur") == [after]
    assert written(known, "Other") == then
    plain = known.maildir.move(OTHER, entry, BOX)
    assert plain is not None
    assert plain.flags == entry.flags


def test_deliveries_have_letters_in_cur_only(known: Ground) -> None:
    one, two = known.deliver(
        known.message(1, flags=Flags.SEEN | WORK), known.message(2, flags=LATER)
    )
    assert (one.folder, one.info, one.flags) == ("cur", ":2,Sb", Flags.SEEN | WORK)
    assert (two.folder, two.info, two.flags) == ("new", "", Flags.NONE)
    assert written(known) == "0 $Junk\n1 Work\n2 Later\n"


def test_what_comes_out_of_undo_has_the_letters_of_now(known: Ground) -> None:
    known.put("INBOX/cur/f:2,Sab")
    table(known, "0 Later\n1 Work\n")
    entry = entry_of(known)
    delivery = known.maildir.delivery()
    name = known.maildir.undeleted_name("u", DATE)
    path = f"{known.root}/INBOX/cur/f:2,Sab"
    assert delivery.restore(path, OTHER, name, entry.flags, DATE, entry)
    (done,) = delivery.commit()
    assert not isinstance(done, Exception)
    assert done.entry.info == ":2,Sbc"
    assert entry_of(known, OTHER).flags == entry.flags


def test_a_mailbox_with_a_table_is_empty_and_may_go(known: Ground) -> None:
    known.maildir.spread_keywords(OTHER)
    assert known.maildir.remove(OTHER)
    assert known.names(".") == ["INBOX"]


def test_a_rename_that_leaves_mailboxes_below_takes_the_table_along(known: Ground) -> None:
    known.maildir.create(MailboxName("Other/Below"))
    known.maildir.spread_keywords(OTHER)
    known.put("Other/cur/f:2,Sb")
    new = MailboxName("New")
    assert known.maildir.rename(OTHER, new)
    assert entry_of(known, new).flags == Flags.SEEN | WORK
    assert written(known, "Other") == ""

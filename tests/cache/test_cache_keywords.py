"""Keywords in the cache: the table, what names do not show, what servers do not keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.cachebox import EVERYTHING, NOW, Box, entry, facts

from mailsync.cache import DeliveredRow, IntentKind, Linked, NewIntent
from mailsync.cache.cache import Cache
from mailsync.model.actions import Pair, Rung
from mailsync.model.flags import KEYWORDS, SYSTEM, Flags, from_letters
from mailsync.model.ids import UID, IntentId, ModSeq, RowId, UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.observation import Cursor, LocalObservation, ServerItem, ServerObservation
from mailsync.model.rows import Presence

TABLE = Keywords(["$Junk", "Later", "Work"])
A, B, C = (TABLE.flag(name) for name in TABLE.names)


@pytest.fixture
def box(inbox: Box) -> Box:
    inbox.cache.learn_keywords(TABLE.names)
    return inbox


def flags(text: str) -> Flags:
    found = from_letters(text)
    for letter, flag in zip("abc", (A, B, C), strict=True):
        found |= flag if letter in text else Flags.NONE
    return found


def server(
    box: Box,
    shown: dict[int, str],
    *,
    any_keyword: bool = True,
    listed: frozenset[str] = frozenset(),
    told: bool = True,
) -> None:
    permanent = SYSTEM | KEYWORDS if any_keyword else SYSTEM
    items = tuple(
        ServerItem(UID(uid), from_letters(text), frozenset(TABLE.of(flags(text))), 1000, 100)
        for uid, text in shown.items()
    )
    cursor = Cursor(UIDValidity(1), max([0, *shown]) + 1, len(shown), ModSeq(7))
    stored = box.cache.store_server(
        ServerObservation(
            box.name,
            cursor,
            items,
            EVERYTHING,
            permanent=permanent if told else None,
            listed=listed,
        ),
        NOW,
    )
    assert stored.ok


def local(
    box: Box,
    files: dict[str, str],
    *,
    folder: str = "cur",
    lettered: Flags = KEYWORDS,
    exact: bool = False,
) -> None:
    entries = tuple(
        replace(entry(name), folder=folder, info=f":2,{text}", flags=flags(text))
        for name, text in files.items()
    )
    known = {row.name for row in box.rows()}
    found = {one.name: facts() for one in entries if one.name not in known}
    box.cache.store_local(
        LocalObservation(box.name, entries, True, found, lettered=lettered, exact=exact)
    )


def paired(box: Box, text: str, shown: str | None = None, folder: str = "cur") -> None:
    """UID 1 with these flags is file f, whose name shows `shown` of them."""
    server(box, {1: text})
    names = text if shown is None else shown
    one = replace(entry("f"), folder=folder, info=f":2,{names}", flags=flags(names))
    box.cache.delivered([DeliveredRow(box.row(1).id, one, facts(), flags(text))])
    assert not box.cache.due(NOW)


def test_every_keyword_gets_its_number_once(box: Box) -> None:
    assert box.cache.keywords() == TABLE
    assert box.cache.learn_keywords(["WORK", "zz"]).names == (*TABLE.names, "zz")
    server(box, {1: "Sa"})
    assert box.row(1).server_flags == Flags.SEEN | A
    assert box.row(1).server_extra == frozenset()


def test_what_has_no_number_stays_as_text(box: Box) -> None:
    many = frozenset(f"k{number:02}" for number in range(80))
    item = ServerItem(UID(1), Flags.SEEN, many, 1000, 100)
    cursor = Cursor(UIDValidity(1), 2, 1, ModSeq(7))
    box.cache.store_server(ServerObservation(box.name, cursor, (item,), EVERYTHING), NOW)
    row = box.row(1)
    assert row.server_flags == Flags.SEEN | KEYWORDS & ~TABLE.all
    assert len(row.server_extra) == 80 - (57 - 3)


# the name before | the name now | beside a Dovecot | the Maildir has then | to be written again
DROPPED = """
    Sa   | FS   | no  | FSa  | a
    Sa   | S    | no  | Sa   | a
    Sab  | S    | no  | Sab  | ab
    Sab  | Sa   | no  | Sa   |
    Sab  | FSb  | no  | FSb  |
    Sa   | Sab  | no  | Sab  |
    Sa   | S    | yes | S    |
    Sab  | S    | yes | S    |
    Sa   | FS   | yes | FSa  | a
"""


@pytest.mark.parametrize("line", DROPPED.strip().splitlines(), ids=str.strip)
def test_which_letters_were_dropped(box: Box, line: str) -> None:
    before, now, exact, then, lost = (cell.strip() for cell in line.split("|"))
    paired(box, before)
    local(box, {"f": now}, exact=exact == "yes")
    row = box.file("f")
    assert (row.local_flags, row.lost) == (flags(then), flags(lost))
    assert bool(box.cache.due(NOW)) == bool(lost or then != before)
    local(box, {"f": now}, exact=exact == "yes")
    assert box.file("f") == row, "looked at twice"


def test_lost_letters_stay_lost_until_they_are_written(box: Box) -> None:
    paired(box, "Sa")
    local(box, {"f": "FS"})
    local(box, {"f": "FSb"})
    assert (box.file("f").local_flags, box.file("f").lost) == (flags("FSab"), A)
    named = replace(entry("f"), info=":2,FSab", flags=flags("FSab"))
    box.cache.renamed([(box.file("f").id, named)], A, Flags.NONE)
    assert (box.file("f").local_flags, box.file("f").lost) == (flags("FSab"), Flags.NONE)
    local(box, {"f": "FSab"})
    assert box.file("f").lost == Flags.NONE


def test_one_in_new_has_its_keywords_here(box: Box) -> None:
    paired(box, "a", "", folder="new")
    assert box.file("f").local_flags == A
    server(box, {1: "ab"})
    one = replace(entry("f"), folder="new", info="", flags=Flags.NONE)
    box.cache.renamed([(box.file("f").id, one)], B, Flags.NONE)
    assert (box.file("f").local_flags, box.cache.due(NOW)) == (A | B, [])
    local(box, {"f": ""}, folder="new")
    assert (box.file("f").local_flags, box.cache.due(NOW)) == (A | B, [])
    local(box, {"f": "S"})
    row = box.file("f")
    assert (row.local_flags, row.lost) == (flags("Sab"), A | B)


def test_one_without_a_letter_has_its_keyword_here(box: Box) -> None:
    paired(box, "Sabc", "Sa")
    local(box, {"f": "FSa"}, lettered=A | C)
    row = box.file("f")
    assert (row.local_flags, row.lost) == (flags("FSabc"), C), "there is a letter for c now"
    local(box, {"f": "FSa"}, lettered=A)
    row = box.file("f")
    assert (row.local_flags, row.lost) == (flags("FSabc"), Flags.NONE)
    box.cache.renamed([(row.id, entry("f", "S"))], Flags.NONE, A | B)
    assert box.file("f").local_flags == flags("Sc")


def test_a_letter_that_was_found_later_is_to_be_written(box: Box) -> None:
    paired(box, "Sab", "Sa")
    box.cache.letters_found(box.id, A | C)
    assert not box.cache.due(NOW)
    box.cache.letters_found(box.id, A | B)
    assert box.file("f").lost == B
    assert box.cache.due(NOW)


def test_without_a_star_only_those_that_are_listed(box: Box) -> None:
    server(box, {}, any_keyword=False, listed=frozenset({"LATER", "New"}))
    assert permanent(box) == SYSTEM | B
    known = box.cache.learn_keywords(["new", "newer"])
    assert permanent(box) == SYSTEM | B | known.flag("new")


def test_what_is_not_listed_is_not_permitted(box: Box) -> None:
    server(box, {}, any_keyword=False, listed=frozenset({"Later"}))
    box.cache.learn_keywords(["newer"])
    assert permanent(box) == SYSTEM | B


def begin(box: Box, kind: IntentKind, row: RowId, source: RowId | None, sent: Flags) -> IntentId:
    new = NewIntent(kind, row, source, box.id, UIDValidity(1), 9, "", 1, None, None, 1, sent)
    (found,) = box.cache.begin_intents([new], "run", NOW)
    return found


@pytest.mark.parametrize(
    ("shown", "synced"), [(None, "Sab"), (A, "Sa"), (A | B, "Sab"), (Flags.NONE, "S")]
)
def test_what_the_server_does_not_show_of_what_was_sent_was_lost_on_the_way(
    box: Box, shown: Flags | None, synced: str
) -> None:
    """It was not removed there: it is sent once more, not taken off here."""
    server(box, {})
    local(box, {"n": "Sab"})
    intent = begin(box, IntentKind.APPEND, box.file("n").id, None, flags("Sab"))
    box.cache.linked([Linked(intent, UID(10), keywords=shown)], NOW)
    row = box.row(10)
    assert (row.server_flags, row.synced) == (flags(synced), flags(synced))
    assert row.local_flags == flags("Sab")
    assert bool(box.cache.due(NOW)) is (synced != "Sab")


@pytest.mark.parametrize("back", [False, True])
def test_what_a_name_does_not_show_goes_along_but_not_to_a_file_that_knows_its_own(
    box: Box, other: Box, back: bool
) -> None:
    """It was synced there before, and its keywords were taken off."""
    paired(box, "Sab", "Sa")
    local(box, {"f": "Sa"}, lettered=A)
    if back:
        other.paired({5: "S"})
    else:
        other.local({"f5": "S"})
    server(other, {})
    intent = begin(other, IntentKind.MOVE, other.file("f5").id, box.row(1).id, flags("Sab"))
    local(box, {}, lettered=A)
    box.cache.linked([Linked(intent, UID(10))], NOW)
    assert other.row(10).server_flags == flags("Sab")
    assert other.file("f5").local_flags == flags("S" if back else "Sab")


def permanent(box: Box) -> Flags:
    return next(one.permanent for one in box.cache.mailboxes(NOW) if one.id == box.id)


def test_what_was_refused_is_no_matter_until_the_server_says_something_else(box: Box) -> None:
    paired(box, "S")
    local(box, {"f": "Sab"})
    assert box.cache.due(NOW)
    box.cache.refuse_keywords(box.id, A | B | Flags.SEEN)
    assert (box.file("f").local_flags, box.cache.due(NOW)) == (Flags.SEEN, [])
    server(box, {1: "S"}, told=False)
    server(box, {1: "S"})
    assert (box.file("f").local_flags, box.cache.due(NOW)) == (Flags.SEEN, [])
    server(box, {1: "Sb"})
    assert box.file("f").local_flags == flags("Sb"), "it keeps that one"
    server(box, {1: "Sb"}, listed=frozenset({"Work"}))
    assert box.file("f").local_flags == flags("Sab")
    assert box.cache.due(NOW)


@pytest.mark.parametrize("side", [Presence.THERE, Presence.GONE])
def test_what_the_server_keeps_again_is_no_change_of_what_is_gone_on_the_other_side(
    box: Box, side: Presence
) -> None:
    """PERMANENTFLAGS was empty for one sync: a deletion seen in it was taken back in the next."""
    paired(box, "FSab")
    if side is Presence.THERE:
        local(box, {})
    shown = {1: "FSab"} if side is Presence.THERE else {}
    for permanent in (Flags.NONE, SYSTEM, SYSTEM | KEYWORDS):
        cursor = Cursor(UIDValidity(1), 2, len(shown), ModSeq(7))
        items = tuple(
            ServerItem(UID(uid), from_letters(text), frozenset(TABLE.of(flags(text))), 1000, 100)
            for uid, text in shown.items()
        )
        seen = ServerObservation(box.name, cursor, items, EVERYTHING, permanent=permanent)
        assert box.cache.store_server(seen, NOW).ok
        row = box.row(1)
        assert row.server is side
        assert row.synced == flags("FSab") & permanent
    assert row.synced in (row.server_flags, row.local_flags)


def test_what_the_server_lost_while_it_did_not_keep_it_is_sent_again(box: Box) -> None:
    paired(box, "Sa")
    server(box, {1: "S"}, any_keyword=False)
    assert not box.cache.due(NOW)
    server(box, {1: "S"})
    assert (box.file("f").local_flags, box.row(1).synced) == (flags("Sa"), Flags.SEEN)
    assert box.cache.due(NOW)


def test_what_was_forgotten_is_no_base_of_what_comes_after_it(box: Box) -> None:
    """The same UID and the same file are another message's by then."""
    paired(box, "Fa")
    server(box, {1: "Fa"}, any_keyword=False)
    local(box, {})
    server(box, {}, any_keyword=False)
    server(box, {1: "Fa"}, any_keyword=False)
    assert box.row(1).synced is None
    local(box, {"g": "F"})
    box.cache.apply([Pair(box.id, box.row(1), box.file("g"), Rung.HEADER, None)])
    local(box, {})
    server(box, {1: "Fa"})
    assert box.row(1).synced == Flags.FLAGGED


def test_the_table_outlives_the_program(box: Box, tmp_path: Path) -> None:
    box.cache.close()
    again = Cache.open(str(tmp_path / "state"), "account")
    assert again.keywords() == TABLE
    again.close()

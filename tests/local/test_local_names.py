"""Unique names and infos."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim.rand import SimRand

from mailsync.local import flags_of, fresh_name, origin, own_name, split_name, with_flags
from mailsync.local.names import host_part, is_own, origins
from mailsync.model.flags import Flags, letters
from mailsync.model.ids import UID, UIDValidity
from mailsync.model.mailboxname import MailboxName

BOX = MailboxName("Work/Project")
VALID = UIDValidity(1234)
FILE_NAMES = st.text(
    st.characters(exclude_characters="/\0", codec="utf-8") | st.sampled_from(list(":;!2,DFPRSTab")),
    min_size=1,
    max_size=40,
)
FLAGS = st.integers(0, 63).map(Flags)


@pytest.mark.parametrize(
    ("file_name", "unique", "info", "flags"),
    [
        ("a", "a", "", ""),
        ("a:2,", "a", ":2,", ""),
        ("a:2,FS", "a", ":2,FS", "FS"),
        ("a:2,SF", "a", ":2,SF", "FS"),
        ("a,S=12,W=13:2,S", "a", ",S=12,W=13:2,S", "S"),
        ("a,U=5:2,T", "a", ",U=5:2,T", "T"),
        ("a;2,S", "a", ";2,S", "S"),
        ("a!2,S", "a", "!2,S", "S"),
        ("a:2,Sab", "a", ":2,Sab", "S"),
        ("a:2,S,FMD5=F", "a", ":2,S,FMD5=F", "S"),
        ("a:1,S", "a:1", ",S", ""),
        (":2,S", ":2", ",S", ""),
        (",a", ",a", "", ""),
        ("1.M2P3.host.with!and;2.x", "1.M2P3.host.with!and;2.x", "", ""),
    ],
)
def test_taking_names_apart(file_name: str, unique: str, info: str, flags: str) -> None:
    assert split_name(file_name) == (unique, info)
    assert letters(flags_of(info)) == flags


@pytest.mark.parametrize(
    ("info", "flags", "new"),
    [
        ("", Flags.SEEN, ":2,S"),
        ("", Flags.NONE, ":2,"),
        (":2,S", Flags.SEEN | Flags.DRAFT, ":2,DS"),
        (":2,TSDa", Flags.FLAGGED, ":2,Fa"),
        (":2,baS", Flags.SEEN | Flags.FLAGGED, ":2,FSab"),
        (":2,SX", Flags.DELETED, ":2,TX"),
        (",S=1,W=2:2,S,x=D", Flags.NONE, ",S=1,W=2:2,,x=D"),
        (";2,S", Flags.ANSWERED, ";2,R"),
        ("!2,", Flags.ANSWERED, "!2,R"),
        (":2,SS-é", Flags.DRAFT, ":2,D-é"),
        (",S=1", Flags.SEEN, ",S=1:2,S"),
    ],
)
def test_setting_flags_in_an_info(info: str, flags: Flags, new: str) -> None:
    if new == ":2,TX":  # sorted among the unknown ones
        new = ":2,TX"
    assert with_flags(info, flags) == new
    assert flags_of(new) == flags


@given(FILE_NAMES, FLAGS)
def test_any_name(file_name: str, flags: Flags) -> None:
    unique, info = split_name(file_name)
    assert unique
    assert unique + info == file_name
    new = with_flags(info, flags)
    assert split_name(unique + new) == (unique, new), "the unique name never changes"
    assert flags_of(new) == flags
    assert with_flags(new, flags) == new
    back = with_flags(new, flags_of(info))
    assert flags_of(back) == flags_of(info)


@given(st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1), st.none() | st.integers(-9, 2**40))
def test_own_names_tell_their_origin(uid: int, valid: int, date: int | None) -> None:
    name = own_name("acc", BOX, UIDValidity(valid), UID(uid), date, "host", SimRand(uid))
    assert split_name(name) == (name, "")
    assert is_own(name)
    assert origin(name, "acc", BOX, UIDValidity(valid)) == uid
    other = UIDValidity(valid % (2**32 - 1) + 1)
    assert origin(name, "acc", BOX, other) is None
    assert origin(name, "other", BOX, UIDValidity(valid)) is None
    assert origin(name, "acc", MailboxName("Work"), UIDValidity(valid)) is None


def test_own_names_sort_like_their_uids_and_differ_when_folded() -> None:
    rand = SimRand(1)
    made = [own_name("acc", BOX, VALID, UID(uid), 1000, "host", rand) for uid in range(1, 2000, 7)]
    assert made == sorted(made)
    again = [own_name("acc", BOX, VALID, UID(uid), 1000, "host", rand) for uid in range(1, 2000, 7)]
    assert len({name.casefold() for name in made + again}) == 2 * len(made)


@pytest.mark.parametrize(
    "name",
    [
        "1600000000.M1P2Q3.host",
        "1600000000.R1234567890123456.host",
        "0.OmailsyncU0000000000R0123456789abcdef.host",
        "1.OaaaaaaaaU4294967296R0123456789abcdef.host",
        "",
    ],
)
def test_other_names_have_no_origin(name: str) -> None:
    assert origin(name, "acc", BOX, VALID) is None  # type: ignore[arg-type]


def test_whichever_mailbox_it_was_made_for() -> None:
    work, rand = MailboxName("Work"), SimRand(2)
    of_box = own_name("acc", BOX, VALID, UID(1), 9, "host", rand)
    of_work = own_name("acc", work, UIDValidity(3), UID(7), 9, "host", rand)
    others = [
        fresh_name(5, "host", rand),
        own_name("b", work, UIDValidity(3), UID(7), 9, "h", rand),
    ]
    known = {BOX: VALID, work: UIDValidity(3)}
    assert origins([of_box, *others, of_work], "acc", known) == {
        of_box: (BOX, 1),
        of_work: (work, 7),
    }
    assert origins([of_box, of_work], "acc", {work: UIDValidity(3)}) == {of_work: (work, 7)}
    assert origins([of_work], "acc", {work: UIDValidity(4)}) == {}


def test_fresh_names() -> None:
    name = fresh_name(5, "host", SimRand(1))
    assert name.startswith("5.R")
    assert not is_own(name)


@pytest.mark.parametrize(
    ("host", "part"),
    [
        ("a.example", "a.example"),
        ("a/b:c", "a\\057b\\072c"),
        ("a,b!2,", "a\\054b\\0412\\054"),
        ("", "localhost"),
        ("é\n", "\\303\\251\\012"),
        ("x" * 300, "x" * 64),
        (".hidden.", "hidden"),
    ],
)
def test_hosts(host: str, part: str) -> None:
    assert host_part(host) == part
    assert "/" not in part

"""The account's table of keywords: numbers, spellings, limits."""

from __future__ import annotations

import pytest

from mailsync.model.flags import ALL_FLAGS, KEYWORDS, MOST_KEYWORDS, SYSTEM, Flags
from mailsync.model.keywords import LONGEST, Keywords, is_keyword

TWO = Keywords(["$Junk", "Work"])


def test_the_bits_of_all_flags() -> None:
    assert not SYSTEM & KEYWORDS
    assert SYSTEM | KEYWORDS == ALL_FLAGS == (1 << 63) - 1
    assert ~Flags.SEEN | Flags.SEEN == ALL_FLAGS
    assert ~KEYWORDS == SYSTEM
    assert (Flags.SEEN | TWO.all) & ~Flags.SEEN == TWO.all


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("$Junk", True),
        ("a+b/c:d", True),
        ("x" * LONGEST, True),
        ("x" * (LONGEST + 1), False),
        ("", False),
        ("\\Odd", False),
        ("two words", False),
        ("line\n", False),
        ("[Gmail]", False),
        ("p%", False),
        ("ü", False),
        ("(", False),
        ('"', False),
    ],
)
def test_what_is_a_keyword(name: str, is_one: bool) -> None:
    assert is_keyword(name) is is_one


def test_case_does_not_tell_two_apart() -> None:
    assert TWO.flag("$junk") == TWO.flag("$JUNK") == Flags(64)
    assert TWO.flag("work") == Flags(128)
    assert TWO.flag("other") == Flags.NONE
    assert TWO.flag("$forwarded") == Flags.FORWARDED
    assert TWO.flag("\\SEEN") == Flags.SEEN
    assert TWO.learn(["WORK", "$JUNK", "$Forwarded"]) is TWO
    assert TWO.learn(["later", "Later"]).names == ("$Junk", "Work", "Later")


def test_there_and_back() -> None:
    found, rest = TWO.split(["Work", "$junk", "$Forwarded", "Other", "\\Odd"])
    assert (found, rest) == (TWO.all | Flags.FORWARDED, {"Other", "\\Odd"})
    assert TWO.imap_names(found | Flags.SEEN) == ["$Forwarded", "\\Seen", "$Junk", "Work"]
    assert list(TWO.of(128 | 256)) == ["Work"]
    assert TWO.describe(found) == "P $Junk Work"
    assert TWO.describe(TWO.all) == "$Junk Work"
    assert TWO.describe(Flags.SEEN) == "S"


def test_those_that_programs_set() -> None:
    assert TWO.quiet == Flags(64)
    assert Keywords(["NonJunk", "x", "$MDNSent"]).quiet == Flags(64 | 256)
    assert Keywords().quiet == Flags.NONE


def test_there_is_room_for_so_many() -> None:
    many = Keywords().learn(f"k{number:02}" for number in range(80))
    assert many.names == tuple(f"k{number:02}" for number in range(MOST_KEYWORDS))
    assert many.all == KEYWORDS
    assert many.learn(["more"]) is many


def test_tables_are_values() -> None:
    assert Keywords(["$Junk", "Work"]) == TWO
    assert hash(Keywords(["$Junk", "Work"])) == hash(TWO)
    assert Keywords(["Work", "$Junk"]) != TWO
    assert TWO != ("$Junk", "Work")

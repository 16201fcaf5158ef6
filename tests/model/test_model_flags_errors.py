"""Flags, errors, exit statuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.model import errors
from mailsync.model.errors import Exit, Help, MailsyncError, Reach, Refused, worst
from mailsync.model.flags import ALL_FLAGS, BY_IMAP_NAME, Flags, from_letters, imap_names, letters

FLAGS = st.integers(0, 63).map(Flags)


@given(FLAGS)
def test_letters_come_back_sorted(flags: Flags) -> None:
    text = letters(flags)
    assert from_letters(text) == flags
    assert list(text) == sorted(set(text))


@given(FLAGS)
def test_imap_names_come_back(flags: Flags) -> None:
    back = Flags.NONE
    for name in imap_names(flags):
        back |= BY_IMAP_NAME[name.upper().lower()]
    assert back == flags


def test_flags_by_name() -> None:
    assert imap_names(ALL_FLAGS) == [
        "\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"
    ]  # fmt: skip
    assert letters(ALL_FLAGS) == "DFPRST"
    assert from_letters("Sax,S2") == Flags.SEEN


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (set(), Exit.OK),
        ({Exit.OK}, Exit.OK),
        ({Exit.TEMPORARY, Exit.FAILED}, Exit.FAILED),
        ({Exit.HELD, Exit.FAILED, Exit.SERVER}, Exit.HELD),
        ({Exit.HELD, Exit.CONFIG, Exit.AUTH}, Exit.AUTH),
        (set(Exit), Exit.SIGINT),
    ],
)
def test_worst(found: set[Exit], status: Exit) -> None:
    assert worst(found) is status


def test_every_status_but_ok_has_its_place_in_the_order() -> None:
    assert set(errors.EXIT_ORDER) == set(Exit) - {Exit.OK}


def test_an_error_says_how_far_it_reaches() -> None:
    plain = MailsyncError("x")
    assert (str(plain), plain.exit, plain.reach, plain.help) == (
        "x",
        Exit.FAILED,
        Reach.ACCOUNT,
        Help.ASK,
    )
    assert plain.retry_after is None
    told = errors.Unavailable("x", reach=Reach.MAILBOX, help=Help.RETRY, retry_after=3.0)
    assert (told.reach, told.help, told.retry_after) == (Reach.MAILBOX, Help.RETRY, 3.0)
    assert (errors.Unavailable("y").reach, errors.Unavailable("y").help) == (
        Reach.ACCOUNT,
        Help.WAIT,
    )


def test_refused() -> None:
    refused = Refused("no", code="OVERQUOTA", bad=True)
    assert (refused.code, refused.bad, refused.reach) == ("OVERQUOTA", True, Reach.MAILBOX)
    assert (Refused("no").code, Refused("no").bad) == ("", False)
    assert Refused("no", reach=Reach.MESSAGE, help=Help.WAIT, retry_after=1).reach is Reach.MESSAGE


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.ConfigError, Exit.CONFIG),
        (errors.AuthError, Exit.AUTH),
        (errors.Disconnected, Exit.TEMPORARY),
        (errors.Locked, Exit.TEMPORARY),
        (errors.InsecureError, Exit.TEMPORARY),
        (errors.ServerDefect, Exit.SERVER),
        (errors.StorageError, Exit.TEMPORARY),
        (errors.CacheError, Exit.CONFIG),
        (errors.NotOurs, Exit.HELD),
    ],
)
def test_statuses(kind: type[MailsyncError], status: Exit) -> None:
    assert kind("x").exit is status

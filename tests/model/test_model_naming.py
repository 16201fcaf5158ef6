"""`mailbox-names`: the first rule that fits, there and back, never two for one unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.model.mailboxname import INBOX, MailboxName, join
from mailsync.model.naming import AS_THEY_ARE, NameRule, NameRules, wrong

SENT = NameRule("[Gmail]/Sent Mail", "Sent")
GMAIL = NameRule("[Gmail]/*", "*")
FLAT = NameRule("*", "*", ".")
LISTS = NameRule("Lists/*", "ML-*", "-")
UNDER = NameRule("INBOX/*", "*")
AWAY = NameRule("*", "Work/*")

TABLE = [
    ([], "a/b", "a/b"),
    ([SENT], "[Gmail]/Sent Mail", "Sent"),
    ([SENT], "[Gmail]/Trash", "[Gmail]/Trash"),
    ([SENT, GMAIL], "[Gmail]/Sent Mail", "Sent"),
    ([SENT, GMAIL], "[Gmail]/Trash", "Trash"),
    ([UNDER], "INBOX/a/b", "a/b"),
    ([FLAT], "a/b/c", "a.b.c"),
    ([FLAT], "a", "a"),
    ([LISTS, FLAT], "Lists/a/b", "ML-a-b"),
    ([AWAY], "a/b", "Work/a/b"),
    ([AWAY], "INBOX", "INBOX"),
    ([NameRule("a*z", "*")], "abz", "b"),
]


@pytest.mark.parametrize(("rules", "there", "here"), TABLE)
def test_there_and_back(rules: list[NameRule], there: str, here: str) -> None:
    names = NameRules(tuple(rules))
    assert names.here(MailboxName(there)) == here
    assert names.there(MailboxName(here)) == there


@pytest.mark.parametrize(
    ("rules", "there", "here", "back"),
    [
        ([SENT], "Sent", "Sent", "[Gmail]/Sent Mail"),
        ([GMAIL], "Trash", "Trash", "[Gmail]/Trash"),
        ([SENT, GMAIL], "Other", "Other", "[Gmail]/Other"),
        ([FLAT], "a.b", "a.b", "a/b"),
        ([NameRule("A", "X"), NameRule("B/*", "*")], "B/X", "X", "A"),
    ],
)
def test_two_names_on_the_server_for_one(
    rules: list[NameRule], there: str, here: str, back: str
) -> None:
    """Whoever compares sees it, also while only one of them is there."""
    names = NameRules(tuple(rules))
    assert names.here(MailboxName(there)) == here
    assert names.there(MailboxName(here)) == back


def test_the_first_rule_that_leads_back() -> None:
    names = NameRules((SENT, NameRule("*", "Sent*")))
    assert names.there(MailboxName("Sent")) == "[Gmail]/Sent Mail"
    assert names.there(MailboxName("Sentx")) == "x"
    swapped = NameRules((NameRule("A", "B"), NameRule("B", "A")))
    assert [swapped.here(MailboxName(n)) for n in "AB"] == ["B", "A"]
    assert [swapped.there(MailboxName(n)) for n in "AB"] == ["B", "A"]


@pytest.mark.parametrize(
    ("rules", "here"), [([FLAT], "a/b"), ([AWAY], "x"), ([NameRule("A", "B")], "A")]
)
def test_names_that_nothing_on_the_server_becomes(rules: list[NameRule], here: str) -> None:
    with pytest.raises(ValueError, match="no name on the server"):
        NameRules(tuple(rules)).there(MailboxName(here))


@pytest.mark.parametrize(
    ("rule", "there"),
    [(UNDER, "INBOX/INBOX"), (FLAT, "a/%2Eb"), (NameRule("x*", "*"), "x/y"),
     (UNDER, "INBOX/inbox")],
)  # fmt: skip
def test_names_that_cannot_be_here(rule: NameRule, there: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be a name|is not the name|empty"):
        NameRules((rule,)).here(MailboxName(there))


def test_inbox_is_inbox() -> None:
    for rule in (AWAY, FLAT, UNDER):
        assert NameRules((rule,)).here(INBOX) == INBOX
        assert NameRules((rule,)).there(INBOX) == INBOX
    assert AS_THEY_ARE.there(MailboxName("a")) == "a"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a/b", ""),
        ("[Gmail]/*", ""),
        ("*.*", "more than one"),
        ("a//b", "no name"),
        ("*/", "no name"),
        (".hidden", "no name"),
        ("cur/*", "no name"),
    ],
)
def test_patterns(pattern: str, said: str) -> None:
    assert said in wrong(pattern)
    assert bool(wrong(pattern)) == bool(said)


RULES = st.lists(
    st.sampled_from(
        [SENT, GMAIL, FLAT, LISTS, UNDER, AWAY, NameRule("a", "b"), NameRule("b", "c")]
    ),
    max_size=4,
).map(lambda rules: NameRules(tuple(rules)))
NAMES = st.lists(st.sampled_from(["a", "b", "[Gmail]", "Lists", "a.b", "Sent", ".x"]), min_size=1,
                 max_size=3).map(join)  # fmt: skip


@given(RULES, NAMES)
def test_what_leads_back_leads_here(rules: NameRules, here: MailboxName) -> None:
    try:
        there = rules.there(here)
    except ValueError:
        return
    assert rules.here(there) == here


@given(RULES, NAMES, NAMES)
def test_one_name_here_has_one_on_the_server(
    rules: NameRules, one: MailboxName, other: MailboxName
) -> None:
    """Of two that share a name, at most one gets it back."""
    try:
        here, there = rules.here(one), rules.here(other)
        back = rules.there(here)
    except ValueError:
        return
    if here == there and one != other:
        assert back != one or back != other


def test_what_a_rule_would_make_no_name_of_keeps_its_own() -> None:
    rules = NameRules((NameRule("Lists/*", "l*", "."),))
    assert rules.there(MailboxName("l.x")) == "l.x"
    assert rules.there(MailboxName("lx.y")) == "Lists/x/y"


@pytest.mark.parametrize(
    ("server", "name", "fits"),
    [
        ("*", "A/B", True),
        ("*", "A/*", True),
        ("A/*", "A/B*", True),
        ("A/B*", "A/*", False),
        ("A", "A", True),
        ("A", "B", False),
        ("*", "INBOX", False),
    ],
)
def test_what_a_rule_is_for(server: str, name: str, fits: bool) -> None:
    assert NameRule(server, "x").fits(name) == fits

"""Mailbox names as paths: reversible, injective, and never out of the root."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsync.model.mailboxname import INBOX, MailboxName, escape, join, split, unescape

TABLE = [
    ("a", "a"),
    ("Entwürfe & more", "Entwürfe & more"),
    ("a/b", "a%2Fb"),
    (".", "%2E"),
    ("..", "%2E%2E"),
    ("...", "%2E.%2E"),
    (".hidden", "%2Ehidden"),
    ("end.", "end%2E"),
    (" a ", "%20a%20"),
    (" ", "%20"),
    ("cur", "%63ur"),
    ("new", "%6Eew"),
    ("tmp", "%74mp"),
    ("current", "current"),
    ("a\0b\n\x7f", "a%00b%0A%7F"),
    ("50%", "50%"),
    ("%41", "%2541"),
    ("%2541", "%252541"),
    ("%4g%4a", "%4g%4a"),
    ("\udcff\udc80", "%FF%80"),
    ("\u202egnp.exe", "%E2%80%AEgnp.exe"),
]


@pytest.mark.parametrize(("text", "path"), TABLE)
def test_escape(text: str, path: str) -> None:
    assert escape(text) == path
    assert unescape(path) == text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Ab", "%41b"),
        ("ß", "%C3%9F"),
        ("é", "%C3%A9"),
        ("e\u0301", "e%CC%81"),
        ("CUR", "%43%55%52"),
        ("cur", "%63ur"),
        ("%2e", "%252e"),
        ("%2E", "%252%45"),
        ("日本", "日本"),
    ],
)
def test_escape_for_a_folding_file_system(text: str, path: str) -> None:
    assert escape(text, fold=True) == path
    assert unescape(path) == text


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "cur", ".a", "a ", "a\0", "a/b", "%61", "a%2Fb/", "%C3%BCA", "a\udcff"],
)
def test_what_escape_never_makes(path: str) -> None:
    with pytest.raises(ValueError):
        unescape(path)


def test_length_is_counted_in_bytes() -> None:
    assert len(escape("x" * 255)) == 255
    for long in ("x" * 256, "ü" * 128, "/" * 86):
        with pytest.raises(ValueError, match="255"):
            escape(long)


def test_a_name_that_is_short_enough_only_where_case_is_not_folded() -> None:
    name = join(["é" * 100, "a" + "É" * 120])
    assert split(name) == ["é" * 100, "a" + "É" * 120]
    with pytest.raises(ValueError, match="255"):
        join(["é" * 100], fold=True)
    with pytest.raises(ValueError, match="is not the name"):
        unescape("é" * 100 + "%41")


def test_a_name_that_no_path_could_hold() -> None:
    assert split(join(["a"] * 1500)) == ["a"] * 1500
    with pytest.raises(ValueError, match="over 3072 bytes"):
        join(["a"] * 1600)


def test_join_and_split() -> None:
    assert join(["a", "b/c"]) == "a/b%2Fc"
    assert split(MailboxName("a/b%2Fc")) == ["a", "b/c"]
    assert join(["inBox"]) == INBOX
    assert join(["inbox", "a"]) == "inbox/a"
    for wrong in ([], [""], ["a", ""]):
        with pytest.raises(ValueError, match="empty"):
            join(wrong)


TEXT = st.text(max_size=12) | st.text("%aAbBeE2./ cur\0\u0301éÉßſK\udcff", max_size=8)


def escaped(text: str, fold: bool) -> str | None:
    try:
        return escape(text, fold=fold)
    except ValueError:  # empty, too long, or a surrogate that is no byte
        return None


@given(TEXT, st.booleans())
def test_there_and_back(text: str, fold: bool) -> None:
    path = escaped(text, fold)
    if path is not None:
        assert unescape(path) == text


@given(TEXT, st.booleans())
def test_never_leaves_the_root_and_is_safe_to_print(text: str, fold: bool) -> None:
    path = escaped(text, fold)
    if path is not None:
        assert path not in ("", ".", "..", "cur", "new", "tmp")
        assert not path.startswith(".")
        assert "/" not in path
        assert len(path.encode()) <= 255
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in path)


@given(TEXT, TEXT)
@example("%2e", ".a")
@example("%2ea", ".a")
def test_no_two_names_share_a_path(a: str, b: str) -> None:
    one, two = escaped(a, False), escaped(b, False)
    assert one is None or one != two or a == b


def folded(path: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


@given(TEXT, TEXT)
@example("%2ea", ".a")
@example("\u212a", "k")
@example("\u1e9e", "ss")
def test_no_two_names_share_a_path_where_case_is_folded(a: str, b: str) -> None:
    one, two = escaped(a, True), escaped(b, True)
    assert one is None or two is None or folded(one) != folded(two) or a == b

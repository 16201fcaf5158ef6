"""Where mailboxes lie: layout maildir++ as Dovecot writes it, one to one, never out of the root."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailsync.model import utf7
from mailsync.model.layout import Layout, directories, mailbox
from mailsync.model.mailboxname import INBOX, MailboxName, join

PP = Layout.MAILDIRPP

# By its components, the directory that Dovecot 2.3.19 makes of it (with its plugin listescape,
# where there is a backslash and two digits); `mailsync` is the marker's.
TABLE = [
    (["A"], ".A"),
    (["A", "B"], ".A.B"),
    (["INBOX", "y"], ".INBOX.y"),
    (["a", "~b"], ".a.~b"),
    (["~tilde"], ".\\7etilde"),
    (["a.b"], ".a\\2eb"),
    ([".hidden"], ".\\2ehidden"),
    (["tail."], ".tail\\2e"),
    (["a/b"], ".a\\2fb"),
    (["back\\slash"], ".back\\slash"),
    (["back\\", "slash"], ".back\\.slash"),
    (["a\\2eb"], ".a\\5c2eb"),
    (["a\\2Eb"], ".a\\5c2Eb"),
    (["\\."], ".\\\\2e"),
    ([" x "], ". x "),
    (["cur"], ".cur"),
    (["é"], ".&AOk-"),
    (["e\u0301"], ".e&AwE-"),
    (["\u202ertl"], ".&IC4-rtl"),
    (["a\n\0"], ".a&AAoAAA-"),
    (["a&b"], ".a&-b"),
    (["100%"], ".100%"),
    (["%41"], ".%41"),
    (["a:b"], ".a:b"),
    (["\udcff&AGE-"], ".&AGE-"),
    (["\udcffcaf\udce9"], ".caf\\e9"),
    (["\udcfftab\there"], ".tab\\09here"),
    (["mailsync"], ".\\6dailsync"),
    (["MailSync", "new"], ".\\4dailSync.new"),
    (["mailsync2"], ".mailsync2"),
    (["x" * 254], "." + "x" * 254),
]


@pytest.mark.parametrize(("components", "directory"), TABLE)
def test_maildirpp(components: list[str], directory: str) -> None:
    name = join(components)
    assert directories(PP, name) == [directory]
    assert mailbox(directory) == name


def test_inbox_is_the_root() -> None:
    assert directories(PP, INBOX) == []
    assert directories(Layout.NESTED, INBOX) == ["INBOX"]


def test_nested_is_the_name() -> None:
    assert directories(Layout.NESTED, MailboxName("A/b%2Fc/D")) == ["A", "A/b%2Fc", "A/b%2Fc/D"]


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("name", ["../evil", "", "a//b", "cur", ".hidden", "a\0b", "inbox"])
def test_names_that_are_not_canonical(layout: Layout, name: str) -> None:
    with pytest.raises(ValueError):
        directories(layout, MailboxName(name))


@pytest.mark.parametrize("components", [["x" * 255], ["a" * 100] * 3, ["é" * 100, "b"]])
def test_names_that_are_too_long(components: list[str]) -> None:
    with pytest.raises(ValueError, match="over 255 bytes"):
        directories(PP, join(components))


@pytest.mark.parametrize(
    "directory",
    [
        ".", "..", "..a", ".a.", ".a..b", ".INBOX", ".inbox", ".mailsync", ".mailsync.new",
        ".Entwürfe", ".caf\udce9", ".\\41", ".a\\2Eb", ".~a", ".a\tb",
        "..DOVECOT-TRASHED", ".a/b", ".&AOk-\\41",
    ],
)  # fmt: skip
def test_directories_that_no_mailbox_has(directory: str) -> None:
    with pytest.raises(ValueError):
        mailbox(directory)


COMPONENT = (
    st.text(min_size=1, max_size=12)
    | st.text("\\.~/2efEF0 cur%&-\0\u0301éÉßſK", min_size=1, max_size=8)
    | st.binary(min_size=1, max_size=8).map(utf7.from_wire)
)
NAMES = st.lists(COMPONENT, min_size=1, max_size=3)


def directory_of(components: list[str]) -> str | None:
    """None: no mailbox has this name; "": INBOX."""
    try:
        return "".join(directories(PP, join(components)))
    except ValueError:
        return None


@given(NAMES)
@example(["\udcff\\2e"])
@example(["mailsync", "x"])
def test_there_and_back(components: list[str]) -> None:
    directory = directory_of(components)
    if directory:
        assert mailbox(directory) == join(components)


@given(NAMES)
def test_one_visible_ascii_name_in_the_root(components: list[str]) -> None:
    directory = directory_of(components)
    if directory:
        assert re.fullmatch(r"\.[^./~][ -.0-~]*", directory)
        assert len(directory) <= 255
        assert directory.lower().partition("mailsync")[0] != "." or directory[9:10] not in ("", ".")


@given(NAMES, NAMES)
@example(["a.b"], ["a", "b"])
@example(["a\\2eb"], ["a.b"])
def test_no_two_names_share_a_directory(one: list[str], other: list[str]) -> None:
    first, second = directory_of(one), directory_of(other)
    assert first is None or first != second or join(one) == join(other)


@given(st.text("\\.~2eaA&-IOkINBOXmailsync", max_size=10))
def test_every_directory_comes_back_or_is_none(rest: str) -> None:
    try:
        name = mailbox(f".{rest}")
    except ValueError:
        return
    assert directories(PP, name) == [f".{rest}"]

"""Commands: what may be written, in which pieces, and what must never be (reliability.md §4.5)."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailsync.imap import (
    WAIT,
    AppendMessage,
    Body,
    Command,
    Header,
    Literal,
    Piece,
    cmd,
    encode,
    is_flag,
)
from mailsync.imap.tokens import Text, Token, Tokenizer
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.uidset import UIDSet

ONE = UIDSet([1])
NONE = UIDSet()
TWO = [AppendMessage(["\\Seen"], None, 5), AppendMessage([], None, 4097, binary=True)]


def test_pieces_with_synchronising_literals() -> None:
    assert encode(cmd.append(b"x", TWO), "A1") == [
        b'A1 APPEND "x" (\\Seen) {5}\r\n',
        WAIT,
        Body(0),
        b" ~{4097}\r\n",
        WAIT,
        Body(1),
        b"\r\n",
    ]


def test_pieces_with_literal_minus() -> None:
    assert encode(cmd.append(b"x", TWO), "A1", "minus") == [
        b'A1 APPEND "x" (\\Seen) {5+}\r\n',
        Body(0),
        b" ~{4097}\r\n",
        WAIT,
        Body(1),
        b"\r\n",
    ]


def test_pieces_with_literal_plus_and_the_first_synchronising() -> None:
    assert encode(cmd.append(b"x", TWO), "A1", "plus", sync_first=True) == [
        b'A1 APPEND "x" (\\Seen) {5}\r\n',
        WAIT,
        Body(0),
        b" ~{4097+}\r\n",
        Body(1),
        b"\r\n",
    ]


def test_own_literals_are_written_by_encode() -> None:
    login = cmd.login("ä", "b")
    assert encode(login, "A1", "plus") == [b'A1 LOGIN {2+}\r\n\xc3\xa4 "b"\r\n']
    assert encode(login, "A1") == [b"A1 LOGIN {2}\r\n", WAIT, b'\xc3\xa4 "b"\r\n']


def test_the_name_of_the_mailbox_may_be_a_literal_before_the_body() -> None:
    pieces = encode(
        cmd.append(b"\xff", [AppendMessage([], None, 3)]), "A1", "plus", sync_first=True
    )
    assert pieces == [b"A1 APPEND {1}\r\n", WAIT, b"\xff {3+}\r\n", Body(0), b"\r\n"]


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b"", b'""'),
        (b"a b{5}", b'"a b{5}"'),
        (b'a"\\', b'"a\\"\\\\"'),
        (b"x" * 256, b'"' + b"x" * 256 + b'"'),
        (b"x" * 257, Literal(257, b"x" * 257)),
        (b"a\r\nb", Literal(4, b"a\r\nb")),
        (b"\x7f", Literal(1, b"\x7f")),
        (b"\x80", Literal(1, b"\x80")),
    ],
)
def test_strings(value: bytes, part: bytes | Literal) -> None:
    made = cmd.delete(value)
    assert made.parts == ((b"DELETE " + part,) if isinstance(part, bytes) else (b"DELETE ", part))


REFUSED: list[Callable[[], object]] = [
    lambda: cmd.login("a\0", "b"),
    lambda: cmd.sasl_plain("a", "b\0c"),
    lambda: cmd.authenticate("PLAIN\r\nX"),
    lambda: cmd.authenticate(""),
    lambda: cmd.enable(),
    lambda: cmd.enable("A B"),
    lambda: cmd.enable("é"),
    lambda: cmd.status(b"x", []),
    lambda: cmd.status(b"x", ["A)"]),
    lambda: cmd.status(b"x\0", ["A"]),
    lambda: cmd.list_(b"", []),
    lambda: cmd.list_(b"", [b"*"], returns=["A("]),
    lambda: cmd.create(b"x", ["\\All)"]),
    lambda: cmd.uid_fetch(NONE, ["FLAGS"]),
    lambda: cmd.uid_fetch(ONE, []),
    lambda: cmd.uid_fetch(ONE, ["FLAGS)"]),
    lambda: cmd.uid_fetch(ONE, ["BODY[]\r\n"]),
    lambda: cmd.uid_fetch(ONE, ["FLAGS"], vanished=True),
    lambda: cmd.uid_fetch(ONE, ["FLAGS"], ModSeq(0)),
    lambda: cmd.uid_fetch(ONE, ["FLAGS"], ModSeq(1 << 63)),
    lambda: cmd.select(b"x", qresync=(UIDValidity(1), ModSeq(0), None)),
    lambda: cmd.select(b"x", qresync=(UIDValidity(1), ModSeq(1), NONE)),
    lambda: cmd.uid_search([]),
    lambda: cmd.uid_search([NONE]),
    lambda: cmd.uid_search(["ALL BODY x"]),
    lambda: cmd.uid_search([Header("a", "\0")]),
    lambda: cmd.uid_store(NONE, "+", ["\\Seen"]),
    lambda: cmd.uid_store(ONE, "+", []),
    lambda: cmd.uid_store(ONE, "+", ["\\Recent"]),
    lambda: cmd.uid_store(ONE, "+", ["\\RECENT"]),
    lambda: cmd.uid_store(ONE, "+", ["\\*"]),
    lambda: cmd.uid_store(ONE, "+", ["a]"]),
    lambda: cmd.uid_store(ONE, "+", ["a b"]),
    lambda: cmd.uid_store(ONE, "+", [""]),
    lambda: cmd.uid_copy(NONE, b"x"),
    lambda: cmd.uid_move(NONE, b"x"),
    lambda: cmd.uid_expunge(NONE),
    lambda: cmd.append(b"x", []),
    lambda: cmd.append(b"x", [AppendMessage(["\\Recent"], None, 1)]),
    lambda: cmd.append(b"x", [AppendMessage([], None, -1)]),
    lambda: Literal(2, b"abc"),
    lambda: Literal(1, b"\0"),
    lambda: Command((b"NOOP\r\nX",), "NOOP"),
    lambda: Command((b"\xe9",), "X"),
    lambda: encode(cmd.noop(), "é"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_refused(number: int) -> None:
    with pytest.raises(ValueError):
        REFUSED[number]()


def test_a_binary_literal_may_have_nul() -> None:
    command = Command((b"X ", Literal(1, b"\0", binary=True)), "X")
    assert encode(command, "A", "plus") == [b"A X ~{1+}\r\n\0\r\n"]


@pytest.mark.parametrize(
    ("flag", "fine"),
    [("\\Seen", True), ("$Junk", True), ("a[b", True), ("\\", False), ("é", False), ("{5}", False)],
)
def test_is_flag(flag: str, fine: bool) -> None:
    assert is_flag(flag) is fine


def test_logs_show_no_secret_and_no_literal() -> None:
    assert str(cmd.login("me", "pass")) == "LOGIN ***"
    assert "cGFz" not in repr(cmd.authenticate("PLAIN", cmd.sasl_plain("me", "pass")))
    assert repr(cmd.delete(b"\xff\xff")) == "DELETE {2}"


def test_sasl() -> None:
    assert cmd.sasl_plain("mé", "pä") == b"\0m\xc3\xa9\0p\xc3\xa4"
    assert cmd.sasl_line(b"\0") == b"AA==\r\n"
    assert cmd.sasl_line(b"") == b"\r\n"


def test_a_search_beyond_ascii_says_its_charset() -> None:
    pieces = encode(cmd.uid_search([Header("Subject", "é")]), "A", "plus")
    assert pieces == [b'A UID SEARCH CHARSET UTF-8 HEADER "Subject" {2+}\r\n\xc3\xa9\r\n']


# -- properties ------------------------------------------------------------------------------------


def tokens(pieces: list[Piece]) -> list[Token]:
    """Read back by our own tokenizer, as a server would."""
    text = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    tokenizer = Tokenizer(32)
    while True:
        head, mark, rest = text.partition(b"{")
        size, brace, data = rest.partition(b"}\r\n")
        if not mark or not brace or not size.rstrip(b"+").isdigit() or b"\r\n" in head:
            break
        count = int(size.rstrip(b"+"))
        tokenizer.text(head.removesuffix(b"~"))
        tokenizer.value(Text(data[:count]))
        text = data[count:]
    assert text.endswith(b"\r\n")
    assert text.count(b"\r\n") == 1
    tokenizer.text(text[:-2])
    return tokenizer.done()


NAMES = st.binary(max_size=300).map(lambda name: name.replace(b"\0", b"").replace(b"{", b"("))


@given(NAMES, NAMES)
def test_any_name_comes_back(old: bytes, new: bytes) -> None:
    read = tokens(encode(cmd.rename(old, new), "A1", "plus"))
    assert read == [b"A1", b"RENAME", Text(old), Text(new)]


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_password_comes_back_or_is_refused(user: str, password: str) -> None:
    user, password = user.replace("{", "("), password.replace("{", "(")
    try:
        command = cmd.login(user, password)
    except ValueError:
        assert "\0" in user + password or not (user + password).isascii()
        return
    assert tokens(encode(command, "A1", "plus")) == [
        b"A1", b"LOGIN", Text(user.encode()), Text(password.encode())
    ]  # fmt: skip


@given(st.sets(st.integers(1, 4294967295), min_size=1, max_size=50))
def test_sets_are_ascending_and_without_a_star(uids: set[int]) -> None:
    [_, _, _, said] = tokens(encode(cmd.uid_expunge(UIDSet(uids)), "A1"))
    assert isinstance(said, bytes)
    numbers = [int(n) for n in said.replace(b":", b",").split(b",")]
    assert numbers == sorted(set(numbers))


@given(
    st.lists(st.binary(max_size=9), max_size=4),
    st.sampled_from(["none", "minus", "plus"]),
    st.booleans(),
)
def test_no_line_end_but_after_a_literal_mark_and_at_the_end(
    values: list[bytes], mode: str, sync_first: bool
) -> None:
    parts = [part for value in values for part in (b" ", Literal(len(value), value, binary=True))]
    pieces = encode(Command((b"X", *parts), "X"), "A", mode, sync_first)  # type: ignore[arg-type]
    waits = sum(piece is WAIT for piece in pieces)
    assert waits == (len(values) if mode == "none" else int(sync_first and bool(values)))
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        if following is WAIT:
            assert isinstance(piece, bytes)
            assert piece.endswith(b"}\r\n")


@given(st.binary(max_size=200))
def test_an_initial_response_is_base64(initial: bytes) -> None:
    [_, _, _, coded] = tokens(encode(cmd.authenticate("X", initial), "A"))
    assert isinstance(coded, bytes)
    assert base64.b64decode(coded if initial else b"") == initial


def test_tokens() -> None:
    said = cmd.sasl_oauthbearer("a,b=c", "t.k~n/+==", "imap.example.org", 993)
    assert said == (b"n,a=a=2Cb=3Dc,\1host=imap.example.org\1port=993\1auth=Bearer t.k~n/+==\1\1")
    assert repr(said) == "***"
    assert cmd.sasl_xoauth2("ann", "tok") == b"user=ann\1auth=Bearer tok\1\1"


@pytest.mark.parametrize(
    ("user", "token"),
    [("a", "t k"), ("a", "t\1"), ("a", "t\n"), ("a", "t\u00f6k"), ("a\1", "t"), ("a\0", "t")],
)
def test_tokens_that_cannot_be_sent(user: str, token: str) -> None:
    with pytest.raises(ValueError):
        cmd.sasl_xoauth2(user, token)
    with pytest.raises(ValueError):
        cmd.sasl_oauthbearer(user, token, "h", 1)


@pytest.mark.parametrize(
    ("text", "challenge"), [(b"", b""), (b"AAE=", b"\0\1"), (b"go ahead", None), (b"A", None)]
)
def test_challenges(text: bytes, challenge: bytes | None) -> None:
    assert cmd.sasl_challenge(text) == challenge

"""The share of the fuzzing that every run has: transcripts, file names and mailbox names.

More: `python tests/imap/fuzz.py --seconds 600 --seed 3`.
"""

from __future__ import annotations

import itertools
import os
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st
from imap import fuzz

from mailsync.imap import from_wire, to_wire
from mailsync.local import names
from mailsync.model.flags import Flags
from mailsync.model.mailboxname import MailboxName, join, split
from mailsync.system.text import safe

SHARE = 4000


def test_mutated_transcripts() -> None:
    done = list(itertools.islice(fuzz.trials(7), SHARE))
    assert done[-1] == SHARE


def test_the_fuzzing_reaches_both_ends() -> None:
    """Not all is refused, and not all is taken."""
    import random

    ends = [fuzz.heard(fuzz.mutated(random.Random(f"x/{n}")), []) for n in range(300)]
    refused = sum(broken for _, broken in ends)
    assert 30 < refused < 270
    assert sum(len(events) for events, _ in ends) > 1000


# -- names -----------------------------------------------------------------------------------------

PARTS = st.sampled_from(
    [
        "/", ".", "..", "../", "\0", "\r\n", "\x1b[2J", "\x7f", "\x9b", "\u202e", "\u200b", "-",
        "&-", "&AGE-", "&AC4ALg-", "&AC8-", "&2AA-", "&", "%2E", "%2e", "%", "%FF", "cur", "new",
        "tmp", "INBOX", "inbox", "~", " ", "é", "e\u0301", "日", "\udcff", "x" * 90, "*", '"',
        "\\",
        ":2,", ";2,", "!2,", ",S=1", "FS", "a", "Z", "1", ".O", "U0000000005R",
    ]
)  # fmt: skip
TEXTS = st.lists(PARTS | st.text(max_size=4), max_size=8).map("".join)
WIRES = st.binary(max_size=40) | TEXTS.map(lambda text: text.encode("utf-8", "surrogateescape"))
ROOT = "/home/ann/Mail"


def inside(name: str) -> bool:
    path = os.path.normpath(f"{ROOT}/{name}")
    return path.startswith(f"{ROOT}/") and path == f"{ROOT}/{name}"


@settings(max_examples=600)
@given(WIRES, st.sampled_from(["/", ".", "\\", None, "x", "%"]), st.sampled_from([b"", b"INBOX."]),
       st.booleans())  # fmt: skip
@example(b"../../evil", "/", b"", False)
@example(b"&AC4ALg-/evil", "/", b"", False)
@example(b"..", None, b"", True)
def test_no_name_of_a_server_leaves_the_root(
    wire: bytes, delimiter: str | None, prefix: bytes, fold: bool
) -> None:
    try:
        name = from_wire(prefix + wire, delimiter, prefix, fold=fold)
    except ValueError:
        return
    assert inside(name)
    assert not {"cur", "new", "tmp"} & set(name.split("/"))
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    assert safe(name) == name or len(name) > 500 or any(ord(c) > 0x7F for c in name)
    assert join(split(name), fold=fold) == name
    if name != "INBOX":
        assert to_wire(name, delimiter, prefix) == prefix + wire


@settings(max_examples=400)
@given(TEXTS, TEXTS)
def test_two_names_are_never_one(first: str, second: str) -> None:
    """Also where case and composition do not count, with `fold`."""
    made: list[str] = []
    for text in (first, second):
        try:
            made.append(join([text], fold=True))
        except (ValueError, UnicodeEncodeError):
            return
    folded = [unicodedata.normalize("NFD", name.casefold()) for name in made]
    both_inbox = all(text.upper() == "INBOX" for text in (first, second))
    if first != second and not both_inbox:
        assert folded[0] != folded[1]


@settings(max_examples=400)
@given(TEXTS)
def test_a_directory_is_a_name_or_refused(text: str) -> None:
    """Whatever a directory is called: ValueError, or the very same name again, but that INBOX
    has one spelling."""
    try:
        parts = split(MailboxName(text))
    except ValueError:
        return
    if text.upper() != "INBOX":
        assert join(parts) == text or join(parts, fold=True) == text


FILES = TEXTS.map(lambda text: text.replace("/", "").replace("\0", "")).filter(bool)


@settings(max_examples=600)
@given(FILES, st.integers(0, int(Flags(0)) | 63).map(Flags))
def test_file_names_come_apart_and_together(file: str, flags: Flags) -> None:
    unique, info = names.split_name(file)
    assert unique
    assert unique + info == file
    new = names.with_flags(info, flags)
    again, told = names.split_name(unique + new)
    assert (again, told) == (unique, new), "flags never change the unique name"
    known = flags & names.flags_of(new)
    assert names.flags_of(new) == known
    assert names.with_flags(new, names.flags_of(new)) == new, "twice is once"
    assert "/" not in new
    names.is_own(file)


@settings(max_examples=200)
@given(TEXTS)
def test_no_host_leaves_its_directory(host: str) -> None:
    made = names.host_part(host)
    assert made
    assert len(made) <= names.LONGEST_HOST
    assert not set(made) & set("/:,\0\n")
    assert not made.startswith(".")

"""Random hands on both sides: a second IMAP client, and a mail reader on the Maildir."""

from __future__ import annotations

import contextlib
import imaplib
import itertools
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

from support.client import LETTERS, Client, canonical
from support.ghosts import Copy, Ledger, ghost_of

PLAIN = ["A", "B", "A/C", "A/D", "x.y", "it's a b", "Ärger"]
SPECIAL = ["INBOX", "Drafts", "Trash", "Archive"]
UTF7 = ("Ä", "&AMQ-")  # modified (RFC 3501 §5.1.3)
FLAGS = {letter: flag for flag, letter in LETTERS.items()}
DATES = [
    "01-Jan-1970 00:00:01 +0000",
    " 9-Feb-2004 01:02:03 +1245",
    "29-Feb-2024 12:00:00 +0530",
    "05-Oct-2026 10:00:00 +0000",
    "31-Dec-2025 23:59:59 -1200",
    "19-Jan-2038 03:14:07 +0000",  # Dovecot makes the future now
]
KEYWORDS = ["Zap", "$Label1", "$Junk", "$MDNSent"]
DIGITS = {word.lower(): str(number) for number, word in enumerate(KEYWORDS)}  # beside the letters
_numbers = itertools.count(1)


def body_of(ghost: str, rand: random.Random, rewritten: bool = False) -> bytes:
    """With CRLF or LF, of any size, odd in many ways.

    `rewritten`: the server changes how some end, so that a body proves nothing there."""
    head = f"From: a@x.example\r\nSubject: {ghost}\r\n"
    kind = rand.randrange(8)
    if kind != 0:
        head += f"Message-ID: <{ghost if kind != 1 else 'same'}@churn.example>\r\n"
    head += f"X-Ghost: {ghost}\r\n\r\n"
    text = "x" * 70 + "\r\n"
    body = text * rand.choice([0, 1, 1, 3, 40, 400])
    odd = ["", "no newline at the end", "caf\xe9 \xff\r\n", "a lone \r is here\r\n", ".\r\n..\r\n"]
    end = rand.choice(odd)
    return head.encode() + (body + ("" if rewritten else end)).encode("latin-1")


@dataclass
class Hand:
    """`pick` prefers the few hot ghosts of a round, so that both hands meet."""

    ledger: Ledger
    rand: random.Random
    seed: str
    hot: list[str] = field(default_factory=list)
    flags: str = "DFPRST"
    side: str = ""
    never: tuple[str, ...] = ()
    keywords: bool = True
    rewrites: bool = False
    dated: bool = True
    flat: bool = False

    @property
    def plain(self) -> list[str]:
        """Mailboxes that are made, renamed and removed; `flat`: those in no tree."""
        return [name for name in PLAIN if not (self.flat and name.startswith("A"))]

    def pick(self, copies: list[Copy]) -> Copy | None:
        hot = [one for one in copies if one.ghost in self.hot]
        chosen = hot if hot and self.rand.random() < 0.6 else copies
        if not chosen:
            return None
        one = self.rand.choice(sorted(chosen, key=lambda c: (c.box, c.ghost, c.flags)))
        self.ledger.touched[one.ghost] += 1
        return one

    def birth(self) -> tuple[str, bytes]:
        ghost = f"g{self.seed}n{len(self.ledger.born)}{self.side}"
        body = body_of(ghost, self.rand, self.rewrites)
        self.ledger.born[ghost] = canonical(body)
        return ghost, body

    def letters(self) -> str:
        return "".join(sorted(f for f in self.flags if self.rand.random() < 0.3))

    def twin(self, one: Copy) -> None:
        self.ledger.copied[one.ghost] += 1
        self.ledger.redated.add(one.ghost)

    def left(self, one: Copy, target: str) -> None:
        if target != one.box:
            self.ledger.moved[one.ghost].add(self.side)

    def carry(self, copies: list[Copy], box: str, new: str) -> None:
        """All of a mailbox gets another name; where the other side gives it another one, too,
        both are kept (rule 7)."""
        self.whole(box, new)
        for one in copies:
            if below(one.box, box):
                self.left(one, new)
        copies[:] = [one for one in copies if not below(one.box, box)]

    def new_name(self, boxes: list[str]) -> str:
        taken = {*boxes, *self.ledger.taboo, *self.never}
        free = [name for name in self.plain if name not in taken]
        return self.rand.choice(free) if free else ""

    def whole(self, box: str, other: str = "") -> None:
        """This mailbox with those below, and the one it becomes."""
        self.ledger.boxes.update({box, other} - {""})


def below(name: str, box: str) -> bool:
    return name == box or name.startswith(box + "/")


class ServerHand(Hand):
    """Changes by a second IMAP client."""

    client: Client

    # -- reading -------------------------------------------------------------------------------

    def boxes(self) -> list[str]:
        return sorted(name.replace(*UTF7[::-1]) for name in self.client.boxes())

    def not_selectable(self) -> set[str]:
        """Names that Dovecot keeps after a DELETE, and onto which it refuses to RENAME."""
        listed = self.client.listed()
        return {name.replace(*UTF7[::-1]) for said, name in listed if "\\noselect" in said}

    def read(self) -> list[tuple[Copy, bytes]]:
        found = [one for box in self.boxes() for one in self._read(box)]
        self.client.select("INBOX")  # some end a connection whose mailbox goes away
        return found

    def _read(self, box: str) -> Iterator[tuple[Copy, bytes]]:
        self.client.select(wire(box))
        typ, parts = self.client.imap.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
        assert typ == "OK", parts
        for part in parts:
            if isinstance(part, tuple):
                head = part[0].decode()
                found = re.search(r"FLAGS \(([^)]*)\)", head)
                uid = re.search(r"UID (\d+)", head)
                assert found, head
                assert uid, head
                words = found[1].lower().split()
                flags = "".join(sorted(LETTERS[w] for w in words if w in LETTERS))
                extra = frozenset(w for w in words if w not in LETTERS and w != "\\recent")
                flags = "".join(sorted(flags + (digits(extra) if self.keywords else "")))
                when = imaplib.Internaldate2tuple(part[0])
                date = _seconds(head) if when else 0
                yield Copy(ghost_of(part[1]), box, flags, int(uid[1]), date, extra), part[1]

    # -- changing ------------------------------------------------------------------------------

    def act(self, copies: list[Copy], boxes: list[str]) -> str:
        """One random change; what it was, "" for none.  `copies` is kept true."""
        acts: list[tuple[Callable[[list[Copy], list[str]], str], int]] = [
            (self.append, 6), (self.store, 6), (self.keyword, 1),
            (self.expunge, 4 if len(copies) < 60 else 9), (self.move, 4), (self.copy, 2),
        ]  # fmt: skip
        (act,) = self.rand.choices([a for a, _ in acts], [w for _, w in acts])
        return act(copies, boxes)

    def append(self, copies: list[Copy], boxes: list[str]) -> str:
        ghost, body = self.birth()
        box, flags = self.rand.choice(boxes), self.letters()
        date = self.rand.choice([None, *DATES] if self.dated else [None])
        words = " ".join(FLAGS[f] for f in flags)
        self.client.append_raw(body, wire(box), words, date)
        return f"APPEND {ghost} to {box} [{flags}] {date}"

    def store(self, copies: list[Copy], boxes: list[str]) -> str:
        one = self.pick(copies)
        letters = self.letters()
        if one is None or not letters:
            return ""
        sign = self.rand.choice("+-")
        words = " ".join(FLAGS[f] for f in letters)
        self.client.store([int(str(one.key))], f"{sign}FLAGS ({words})", wire(one.box))
        return f"STORE {one.ghost} in {one.box} {sign}{letters}"

    def keyword(self, copies: list[Copy], boxes: list[str]) -> str:
        one, word = self.pick(copies), self.rand.choice(KEYWORDS)
        if one is None or not self.keywords:
            return ""
        sign = self.rand.choice("+-")
        self.client.store([int(str(one.key))], f"{sign}FLAGS ({word})", wire(one.box))
        return f"STORE {one.ghost} in {one.box} {sign}{word}"

    def expunge(self, copies: list[Copy], boxes: list[str]) -> str:
        one = self.pick(copies)
        if one is None:
            return ""
        self.ledger.taken.add(one.ghost)
        self.client.expunge([int(str(one.key))], wire(one.box))
        copies.remove(one)
        return f"EXPUNGE {one.ghost} in {one.box}"

    def move(self, copies: list[Copy], boxes: list[str]) -> str:
        one, target = self.pick(copies), self.rand.choice(boxes)
        if one is None or target == one.box:
            return ""
        self.client.move([int(str(one.key))], wire(one.box), wire(target))
        copies.remove(one)
        self.left(one, target)
        return f"MOVE {one.ghost} from {one.box} to {target}"

    def copy(self, copies: list[Copy], boxes: list[str]) -> str:
        one, target = self.pick(copies), self.rand.choice(boxes)
        if one is None:
            return ""
        self.client.copy([int(str(one.key))], wire(one.box), wire(target))
        self.twin(one)
        return f"COPY {one.ghost} from {one.box} to {target}"

    # -- whole mailboxes -----------------------------------------------------------------------

    def mailbox(self, copies: list[Copy], boxes: list[str]) -> str:
        """CREATE, DELETE or RENAME; `copies` of it are not to be touched any more."""
        new, old = self.new_name(boxes), [box for box in boxes if box in self.plain]
        kind = self.rand.choice("cccdrr")
        if kind == "c" and new:
            self.whole(new)
            self.client.create(wire(new))
            return f"CREATE {new}"
        if kind == "c" or not old:
            return ""
        box = self.rand.choice(old)
        self.client.select("INBOX")  # Dovecot ends a connection whose mailbox goes away
        if kind == "r" and new and not below(new, box):
            self.carry(copies, box, new)
            with contextlib.suppress(AssertionError):  # there may be one that cannot be selected
                self.client.rename(wire(box), wire(new))
            return f"RENAME {box} to {new}"
        if kind == "d":
            try:
                self.client.delete(wire(box))
            except AssertionError as error:
                if "HASCHILDREN" in str(error):  # Cyrus
                    return ""
                raise
            self.whole(box)
            self.ledger.gone |= {one.ghost for one in copies if one.box == box}
            copies[:] = [one for one in copies if one.box != box]
            return f"DELETE {box}"
        return ""


def wire(box: str) -> str:
    return box.replace(*UTF7)


def _seconds(head: str) -> int:
    found = re.search(r'INTERNALDATE "([^"]+)"', head)
    assert found, head
    return int(parsedate_to_datetime(found[1].replace("-", " ", 2)).timestamp())


def digits(words: Iterable[str]) -> str:
    return "".join(sorted(DIGITS[word] for word in words if word in DIGITS))


Kept = dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]]


def kept_words(cache: Path) -> Kept:
    """By mailbox and unique name: the keywords that a file's name does not show, and those that it
    showed when it was last looked at, by the cache; nothing while that is being written."""
    try:
        raw = sqlite3.connect(f"file:{cache}?immutable=1", uri=True)
    except sqlite3.Error:
        return {}
    with contextlib.closing(raw), contextlib.suppress(sqlite3.Error):
        known = [(1 << 6 + n, w.lower()) for n, w in raw.execute("SELECT * FROM keywords")]

        def words(bits: int) -> frozenset[str]:
            return frozenset(word for bit, word in known if bits & bit)

        return {
            (box, name): (words(kept), words(shown))
            for box, name, kept, shown in raw.execute(
                "SELECT mailboxes.name, messages.name, local_kept | local_lost, local_shown"
                " FROM messages JOIN mailboxes ON mailboxes.id = mailbox"
                " WHERE messages.local = 1 AND messages.name IS NOT NULL"
            )
        }
    return {}


@dataclass
class MaildirHand(Hand):
    """Changes by a mail reader, which does not know that a sync may be running."""

    root: Path = Path()
    cache: Path = Path()
    words: dict[str, frozenset[str]] = field(default_factory=dict)  # by new unique name

    # -- reading -------------------------------------------------------------------------------

    def boxes(self) -> list[str]:
        return sorted(str(path.parent.relative_to(self.root)) for path in self.root.glob("**/cur"))

    def read(self) -> list[tuple[Copy, bytes]]:
        kept = kept_words(self.cache)
        return [one for box in self.boxes() for one in self._read(box, kept)]

    def table(self, box: str) -> dict[str, str]:
        """Keywords by their letters in this mailbox."""
        try:
            lines = (self.root / box / "dovecot-keywords").read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {chr(97 + int(n)): word.lower() for n, _, word in (x.partition(" ") for x in lines)}

    def _words(self, box: str, name: str, kept: Kept) -> frozenset[str]:
        """What a file has: what its name shows and what the cache keeps.  One that shows nothing
        any more has what it had: readers drop letters that they do not know.  One that was written
        over is another message."""
        if not self.keywords:
            return frozenset()
        table, (unique, _, info) = self.table(box), name.partition(":2,")
        shown = frozenset(table[letter] for letter in info if letter in table)
        if (box, unique) in self.ledger.edited:
            return shown
        hidden, before = kept.get((box, unique), (frozenset(), self.words.get(unique, frozenset())))
        return hidden | (shown or before)

    def _read(self, box: str, kept: Kept) -> Iterator[tuple[Copy, bytes]]:
        for folder in ("new", "cur"):
            for path in sorted((self.root / box / folder).iterdir()):
                with contextlib.suppress(FileNotFoundError):  # a sync may be running
                    body, date = path.read_bytes(), int(path.stat().st_mtime)
                    info = path.name.partition(":2,")[2]
                    words = self._words(box, path.name, kept)
                    flags = "".join(sorted(set(info) & set("DFPRST") | set(digits(words))))
                    yield Copy(ghost_of(body), box, flags, path, date, words), body

    # -- changing ------------------------------------------------------------------------------

    def act(self, copies: list[Copy], boxes: list[str]) -> str:
        acts: list[tuple[Callable[[list[Copy], list[str]], str], int]] = [
            (self.put, 6), (self.flag, 6), (self.seen, 2), (self.rename, 2),
            (self.unlink, 4 if len(copies) < 60 else 9), (self.move, 4), (self.copy, 2),
            (self.edit, 3), (self.keyword, 3), (self.drop, 2),
        ]  # fmt: skip
        (act,) = self.rand.choices([a for a, _ in acts], [w for _, w in acts])
        try:
            return act(copies, boxes)
        except FileNotFoundError:  # a sync was quicker
            return ""

    def unique(self) -> str:
        return f"{1700000000 + next(_numbers)}.M{os.getpid()}Q{next(_numbers)}.reader"

    def make(self, box: str) -> Path:
        for folder in ("cur", "new", "tmp"):
            (self.root / box / folder).mkdir(parents=True, exist_ok=True)
        return self.root / box

    def put(self, copies: list[Copy], boxes: list[str]) -> str:
        ghost, body = self.birth()
        if self.rand.random() < 0.7:
            body = canonical(body)
        box, flags = self.rand.choice(boxes), self.letters()
        place = self.rand.choice(["new/", "cur/", f"cur/:2,{flags}", f"cur/:2,{flags}"])
        folder, _, info = place.partition("/")
        tmp = self.root / box / "tmp" / self.unique()
        tmp.write_bytes(body)
        date = self.rand.choice([0, 1, 1_000_000_000, 1_700_000_001])
        if date:
            os.utime(tmp, (date, date))
        tmp.rename(self.root / box / folder / (tmp.name + info))
        return f"put {ghost} into {box} {folder}{info}"

    def _renamed(self, one: Copy, target: Path) -> None:
        Path(str(one.key)).rename(target)
        self.words[target.name.partition(":2,")[0]] = self._known(one)

    def _known(self, one: Copy) -> frozenset[str]:
        """The keywords that a sync knows of a file: one that a reader set since stands in its name
        only, by a letter that may be nobody's in the mailbox where it is moved or copied to."""
        unique = Path(str(one.key)).name.partition(":2,")[0]
        if (one.box, unique) in self.ledger.edited:
            return frozenset()
        known = kept_words(self.cache).get((one.box, unique))
        return self.words.get(unique, frozenset()) if known is None else known[0] | known[1]

    def flag(self, copies: list[Copy], boxes: list[str]) -> str:
        one, letters = self.pick(copies), self.letters()
        if one is None:
            return ""
        path = Path(str(one.key))
        odd = "".join(c for c in path.name.partition(":2,")[2] if c not in "DFPRST")
        info = "".join(sorted({*letters, *odd, *("a" if self.rand.random() < 0.1 else "")}))
        target = path.parent.parent / "cur" / f"{path.name.partition(':2,')[0]}:2,{info}"
        self._renamed(one, target)
        self._now(copies, one, target)
        return f"flag {one.ghost} in {one.box} [{one.flags}] → {info}"

    def keyword(self, copies: list[Copy], boxes: list[str]) -> str:
        """A reader that knows the mailbox's letters."""
        one = self.pick([one for one in copies if Path(str(one.key)).parent.name == "cur"])
        letters = [] if one is None else sorted(self.table(one.box))
        if one is None or not letters:
            return ""
        path, letter = Path(str(one.key)), self.rand.choice(letters)
        base, _, info = path.name.partition(":2,")
        target = path.parent / f"{base}:2,{''.join(sorted(set(info) ^ {letter}))}"
        self._renamed(one, target)
        self._now(copies, one, target)
        return f"keyword {self.table(one.box)[letter]} of {one.ghost} in {one.box}: {info}"

    def drop(self, copies: list[Copy], boxes: list[str]) -> str:
        """A reader that knows no letters sets other flags."""
        one, letters = self.pick(copies), self.letters()
        if one is None:
            return ""
        path = Path(str(one.key))
        target = path.parent.parent / "cur" / f"{path.name.partition(':2,')[0]}:2,{letters}"
        self._renamed(one, target)
        self._now(copies, one, target)
        return f"drop letters of {one.ghost} in {one.box} [{one.flags}] → {letters}"

    def seen(self, copies: list[Copy], boxes: list[str]) -> str:
        """new/ → cur/, as a reader does when it opens the mailbox."""
        one = self.pick([one for one in copies if Path(str(one.key)).parent.name == "new"])
        if one is None:
            return ""
        path = Path(str(one.key))
        target = path.parent.parent / "cur" / (path.name + self.rand.choice(["", ":2,"]))
        self._renamed(one, target)
        self._now(copies, one, target)
        return f"new → cur {one.ghost} in {one.box}"

    def rename(self, copies: list[Copy], boxes: list[str]) -> str:
        """Another unique name, as mu4e gives."""
        one = self.pick(copies)
        if one is None:
            return ""
        path = Path(str(one.key))
        target = path.parent / (self.unique() + "".join(path.name.partition(":2,")[1:]))
        self._renamed(one, target)
        self._now(copies, one, target)
        self.ledger.unsure.add(one.ghost)
        return f"new unique name for {one.ghost} in {one.box}"

    def _now(self, copies: list[Copy], one: Copy, path: Path) -> None:
        info = path.name.partition(":2,")[2]
        flags = "".join(sorted(set(info) & set("DFPRST")))
        words = self._words(one.box, path.name, {})
        copies[copies.index(one)] = Copy(one.ghost, one.box, flags, path, one.date, words)

    def unlink(self, copies: list[Copy], boxes: list[str]) -> str:
        one = self.pick(copies)
        if one is None:
            return ""
        self.ledger.taken.add(one.ghost)
        Path(str(one.key)).unlink()
        copies.remove(one)
        return f"unlink {one.ghost} in {one.box}"

    def move(self, copies: list[Copy], boxes: list[str]) -> str:
        one, target = self.pick(copies), self.rand.choice(boxes)
        if one is None or target == one.box:
            return ""
        path, same = Path(str(one.key)), self.rand.random() < 0.5
        name = path.name if same else self.unique() + "".join(path.name.partition(":2,")[1:])
        self._renamed(one, self.root / target / path.parent.name / name)
        copies.remove(one)
        self.left(one, target)
        return f"mv {one.ghost} from {one.box} to {target}{'' if same else ', new name'}"

    def copy(self, copies: list[Copy], boxes: list[str]) -> str:
        one, target = self.pick(copies), self.rand.choice(boxes)
        if one is None:
            return ""
        path = Path(str(one.key))
        name = self.unique() + "".join(path.name.partition(":2,")[1:])
        shutil.copy(path, self.root / target / path.parent.name / name)
        self.words[name.partition(":2,")[0]] = self._known(one)
        self.twin(one)
        return f"cp {one.ghost} from {one.box} to {target}"

    def edit(self, copies: list[Copy], boxes: list[str]) -> str:
        """A draft is written over in place: the same file name, another message."""
        one = self.pick([one for one in copies if one.box == "Drafts"])
        if one is None:
            return ""
        ghost, body = self.birth()
        text, path = canonical(body), Path(str(one.key))
        try:
            with path.open("rb+") as file:  # FileNotFoundError instead of a new file
                file.truncate()
                file.write(text)
        except FileNotFoundError:
            self.ledger.taken.add(ghost)
            raise
        copies.remove(one)
        self.ledger.taken.add(one.ghost)
        self.ledger.unsure.add(one.ghost)
        self.ledger.edited.add((one.box, path.name.partition(":2,")[0]))
        return f"edit {one.ghost} in {one.box}: now {ghost}"

    # -- whole mailboxes -----------------------------------------------------------------------

    def mailbox(self, copies: list[Copy], boxes: list[str]) -> str:
        new, old = self.new_name(boxes), [box for box in boxes if box in self.plain]
        kind = self.rand.choice("cccdrr")
        if kind == "c" and new:
            self.whole(new)
            self.make(new)
            return f"mkdir {new}"
        if kind == "c" or not old:
            return ""
        box = self.rand.choice(old)
        if kind == "r" and new and not below(new, box):
            self.carry(copies, box, new)
            (self.root / new).parent.mkdir(exist_ok=True)
            if (self.root / new).exists():  # a directory with mailboxes below
                return ""
            (self.root / box).rename(self.root / new)
            return f"mv {box}/ {new}/"
        if kind == "d":
            self.whole(box)
            self.ledger.gone |= {one.ghost for one in copies if below(one.box, box)}
            copies[:] = [one for one in copies if not below(one.box, box)]
            shutil.rmtree(self.root / box)
            return f"rm -r {box}/"
        return ""

"""Letters a to z for keywords: what they mean in each mailbox, by its own `dovecot-keywords`.

A line is `N keyword`, N from 0 for `a`.  Every mailbox gets the table of the account.  One that had
a table of its own keeps it, lines are only added: its letters are in the names of files already,
and another Dovecot may read them.  So letters are always read and written by the mailbox's own
table, and never taken from one mailbox to another.  A letter that no line explains is nobody's: it
stays where it is, is never sent, and no keyword gets it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable

from mailsync.local import names
from mailsync.local.tree import Tree
from mailsync.model.flags import KEYWORDS, SYSTEM, Flags, from_letters
from mailsync.model.keywords import Keywords, is_keyword
from mailsync.model.mailboxname import MailboxName
from mailsync.system.trouble import translated

FILE = "dovecot-keywords"
LOCK = f"{FILE}.lock"  # Dovecot's own: made, written and renamed over the table
FILES = (FILE, LOCK)  # those of a mailbox that are not its folders, and ours to remove
_UIDS = "dovecot-uidlist"  # where it is a Dovecot reads and writes this very directory
_STALE_NS = 120 * 10**9  # as Dovecot has it
_LARGEST = 64 * 1024  # bytes
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LINE = re.compile(rb"([0-9]{1,2}) ([^\r\n]+)")


class Letters:
    """What the letters of one mailbox mean, by its table and the account's."""

    __slots__ = ("_free", "_letter", "_missing", "by_letter", "flags", "untold")

    def __init__(self, table: dict[int, str], known: Keywords, used: Iterable[str]) -> None:
        """`used`: letters that names of files have, whatever they mean."""
        self.by_letter: dict[str, Flags] = {}
        self._letter: dict[Flags, str] = {}
        self.flags = Flags.NONE  # keywords that have a letter
        self.untold: set[str] = set()  # keywords in use that the account does not know
        for number, name in sorted(table.items()):
            flag, letter = known.flag(name), _LETTERS[number]
            if not flag:
                if letter in used and is_keyword(name):
                    self.untold.add(name)
                continue
            self.by_letter[letter] = flag
            if flag & KEYWORDS:
                self._letter.setdefault(flag, letter)
                self.flags |= flag
        taken = set(used).union(_LETTERS[number] for number in table)
        self._free = sum(letter not in taken for letter in _LETTERS)
        self._missing = [flag for flag in map(known.flag, known.names) if not flag & self.flags]

    @property
    def possible(self) -> Flags:
        """Keywords that have a letter or can get one."""
        if self._free > len(self._missing):
            return KEYWORDS
        found = self.flags
        for flag in self._missing[: self._free]:
            found |= flag
        return found

    def read(self, letters: str) -> Flags:
        """What the letters of a name show."""
        found = from_letters(letters)
        for letter in letters:
            found |= self.by_letter.get(letter, Flags.NONE)
        return found

    def shown(self, flags: Flags) -> Flags:
        """Those of `flags` that a name can show."""
        return flags & (SYSTEM | self.flags)

    def write(self, info: str, flags: Flags) -> str:
        """`info` with exactly these flags, as `names.with_flags`."""
        had = names.letters_of(info)
        # $Forwarded may have a letter besides P: it stays as it was shown.
        others = {letter for letter, flag in self.by_letter.items() if flag & SYSTEM}
        aliases = {letter for letter in others.intersection(had) if self.by_letter[letter] & flags}
        for letter in aliases:
            if not from_letters(had) & self.by_letter[letter]:
                flags &= ~self.by_letter[letter]
        mine = {letter for flag, letter in self._letter.items() if flag & flags}
        return names.with_flags(info, flags, {*mine, *aliases}, self.by_letter.keys())


class Sight:
    """The letters of one mailbox, its table read when a name first has one; what was seen."""

    def __init__(self, tree: Tree, name: MailboxName) -> None:
        self._tree, self._name = tree, name
        self._table: dict[int, str] | None = None
        self._letters: Letters | None = None
        self.used: set[str] = set()

    @property
    def table(self) -> dict[int, str]:
        if self._table is None:
            self._table = _parsed(_read(self._tree, self._name))
        return self._table

    @property
    def letters(self) -> Letters:
        if self._letters is None:
            self._letters = Letters(self.table, self._tree.keywords, ())
        return self._letters

    def flags(self, info: str) -> Flags:
        found = names.letters_of(info)
        lower = [letter for letter in found if letter in _LETTERS]
        if not lower:
            return from_letters(found)
        self.used.update(lower)
        return self.letters.read(found)

    @property
    def matters(self) -> bool:
        """Whether there is any keyword, so that it is worth a look at the disk."""
        return bool(self.used or self._tree.keywords.names)

    def seen(self) -> Letters:
        """After all names of the mailbox were seen."""
        return Letters(self.table, self._tree.keywords, self.used)


def kept_by_others(tree: Tree, name: MailboxName) -> bool:
    """Whether a Dovecot works on this very mailbox, which changes letters on purpose only.  Raises
    StorageError."""
    path = f"{tree.path(name)}/{_UIDS}"
    with translated("look at", path):
        try:
            tree.fs.stat(path)
        except FileNotFoundError:
            return False
    return True


def letters_for(tree: Tree, name: MailboxName, flags: Flags) -> Letters:
    """The letters of the mailbox, also for those keywords of `flags` that had none, if there is
    room, durably.  Raises StorageError."""
    found = Sight(tree, name)
    if flags & KEYWORDS & ~found.letters.flags:
        with translated("write", f"{tree.path(name)}/{FILE}"):
            return _extended(tree, name, flags)
    return found.letters


def spread(tree: Tree, name: MailboxName) -> Flags:
    """Give a mailbox the account's table, unless it has one of its own; the keywords that have a
    letter there.  Raises StorageError."""
    found = Sight(tree, name)
    if _is_ours(found.table, tree.keywords) and tree.keywords.all & ~found.letters.flags:
        return letters_for(tree, name, tree.keywords.all).flags
    return found.letters.flags


def _is_ours(table: dict[int, str], known: Keywords) -> bool:
    return all(known.names[number : number + 1] == (name,) for number, name in table.items())


def _extended(tree: Tree, name: MailboxName, flags: Flags) -> Letters:
    """Raises OSError.  While somebody else writes the table nothing is added."""
    path, lock = f"{tree.path(name)}/{FILE}", f"{tree.path(name)}/{LOCK}"
    known = tree.keywords
    try:
        writer = tree.fs.create(lock)
    except FileExistsError:
        if _break_stale(tree, name, lock):
            return _extended(tree, name, flags)
        return Sight(tree, name).letters
    try:
        try:
            data = _read(tree, name)
            table = _parsed(data)
            sight = Sight(tree, name)
            for file, _ in tree.fs.list(f"{tree.path(name)}/cur"):
                sight.flags(names.split_name(file)[1])
            more = _lines(table, known, flags, sight.used)
            if not more or len(data) >= _LARGEST:  # of that only the beginning was read
                raise _Full
            if data and not data.endswith(b"\n"):
                data += b"\n"
            text = "".join(f"{number} {word}\n" for number, word in sorted(more.items()))
            writer.write(data + text.encode("ascii"))
            if tree.fsync:
                writer.sync()
        finally:
            writer.close()
        tree.fs.replace(lock, path)
    except _Full:
        tree.fs.unlink(lock)
        return Letters(table, known, ())
    except OSError:
        with contextlib.suppress(OSError):
            tree.fs.unlink(lock)
        raise
    tree.make_durable([tree.path(name)])
    return Letters(table | more, known, ())


class _Full(Exception):
    """No letter is left."""


def _break_stale(tree: Tree, name: MailboxName, lock: str) -> bool:
    """A run that died may have left it.  Whether it was broken."""
    with contextlib.suppress(FileNotFoundError):
        if tree.fs.now_ns(tree.path(name)) - tree.fs.stat(lock).ctime_ns > _STALE_NS:
            tree.fs.unlink(lock)
            return True
    return False


def _lines(table: dict[int, str], known: Keywords, flags: Flags, used: set[str]) -> dict[int, str]:
    """What to add for `flags`; to a table of ours, all of the account's.  Each its own letter if
    that is free, else the first that is."""
    ours = _is_ours(table, known)
    had = Letters(table, known, ()).flags
    free = [
        number
        for number, letter in enumerate(_LETTERS)
        if number not in table and letter not in used
    ]
    more: dict[int, str] = {}
    late: list[str] = []
    for number, word in enumerate(known.names):
        flag = known.flag(word)
        if flag & had or not (ours or flag & flags):
            continue
        if number in free:
            more[number] = word
            free.remove(number)
        else:
            late.append(word)
    more.update(zip(free, late, strict=False))
    return more


def _read(tree: Tree, name: MailboxName) -> bytes:
    path = f"{tree.path(name)}/{FILE}"
    with translated("read", path):
        try:
            reader = tree.fs.open(path)
        except FileNotFoundError:
            return b""
        data = bytearray()
        try:
            while len(data) < _LARGEST and (piece := reader.read(_LARGEST)):
                data += piece
        finally:
            reader.close()
    return bytes(data)


def _parsed(data: bytes) -> dict[int, str]:
    """Keyword by number; what cannot be understood is taken for a keyword that nobody has."""
    found: dict[int, str] = {}
    for line in data.split(b"\n"):
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        if match is not None and int(match[1]) < len(_LETTERS):
            found.setdefault(int(match[1]), match[2].decode("ascii", "replace"))
    return found

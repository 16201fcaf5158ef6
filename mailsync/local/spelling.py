"""Names that the file system takes for one, or writes otherwise (reliability.md §3.4)."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from mailsync.local import names
from mailsync.local.listing import look_at
from mailsync.local.marker import FILE
from mailsync.local.tree import Tree
from mailsync.model.layout import directories
from mailsync.model.mailboxname import MailboxName
from mailsync.system.trouble import translated

PROBE = ".mailsync-caf\u00e9-"  # composed; a file system may keep it decomposed


@dataclass(frozen=True, slots=True)
class Spelling:
    """`folds`: two spellings may be one name; `rewrites`: a name may come back decomposed."""

    folds: bool = False
    rewrites: bool = False


def look(tree: Tree) -> Spelling:
    """Asks the marker by another spelling; only where that is there too a probe is written."""
    with translated("look at", tree.root):
        if look_at(tree, f"{tree.root}/{FILE.upper()}") is None:
            return Spelling()
    name = PROBE + names.scratch_name(tree.host, tree.rand)
    path = f"{tree.root}/{name}"
    with translated("try a name in", tree.root):
        tree.fs.create(path).close()
        try:
            listed = {found for found, _ in tree.fs.list(f"{tree.root}/.")}
        finally:
            with contextlib.suppress(FileNotFoundError):
                tree.fs.unlink(path)
    return Spelling(folds=True, rewrites=name not in listed)


def clashes(
    tree: Tree, here: Iterable[MailboxName], there: Iterable[MailboxName]
) -> dict[MailboxName, str]:
    """Those of `there` that have no directory, or one that cannot be told from another, and why.
    Who is here already keeps its directory, then who comes first; directories above count too."""
    spelling = look(tree)
    known = set(here)
    taken: dict[str, str] = {}
    for name in sorted(known):
        for path in directories(tree.layout, name):
            taken.setdefault(_folded(path), path)
    refused: dict[MailboxName, str] = {}
    for name in sorted(set(there) - known):
        try:
            paths = directories(tree.layout, name)
        except ValueError as error:
            refused[name] = str(error)
            continue
        if not spelling.folds:
            continue
        other = next(
            (had for path in paths if (had := taken.get(_folded(path), path)) != path), None
        )
        if other is not None:
            refused[name] = f"this file system does not tell it from {other}"
        elif spelling.rewrites and any(unicodedata.normalize("NFD", p) != p for p in paths):
            refused[name] = "this file system writes its name otherwise"
        else:
            for path in paths:
                taken[_folded(path)] = path
    return refused


def respelt(name: MailboxName, others: Iterable[MailboxName]) -> MailboxName | None:
    """The one of `others` that is `name` in another spelling."""
    return next((other for other in others if _folded(other) == _folded(name)), None)


def _folded(path: str) -> str:
    """As wide as any file system: rather one name too many is refused than two are one."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", path).casefold())

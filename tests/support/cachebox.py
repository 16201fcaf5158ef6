"""One mailbox of a cache, and short words for what the two sides show."""

from __future__ import annotations

from typing import Any

from mailsync.cache import DeliveredRow
from mailsync.cache.cache import Cache
from mailsync.model.content import Digest
from mailsync.model.flags import ALL_FLAGS, Flags, from_letters, letters
from mailsync.model.ids import UID, UID_MAX, MailboxId, ModSeq, RowId, UIDValidity, UniqueName
from mailsync.model.mailboxname import INBOX, MailboxName
from mailsync.model.observation import (
    Cursor,
    FileFacts,
    LocalEntry,
    LocalObservation,
    ServerItem,
    ServerObservation,
    Stamp,
)
from mailsync.model.rows import Presence, Row
from mailsync.model.uidset import UIDSet

EVERYTHING = UIDSet.span(1, UID_MAX)
STAMP = Stamp(new=(1, 2, 3), cur=(4, 5, 6))
NOW = 1_000_000.0
MARKS = {Presence.NONE: "-", Presence.THERE: "+", Presence.GONE: "x", Presence.UNKNOWN: "?"}


def entry(name: str, flags: str = "") -> LocalEntry:
    return LocalEntry(UniqueName(name), "cur", f":2,{flags}", from_letters(flags))


def digest(content: str) -> Digest:
    body = content.encode().ljust(16, b".")
    return Digest(len(content), len(content), body, body[::-1], f"<{content}@x>", False)


def facts(
    size: int = 100, mtime_ns: int = 5_000_000_000, content: str = "", origin: int | None = None
) -> FileFacts:
    return FileFacts(
        size,
        mtime_ns,
        digest(content) if content else None,
        None if origin is None else UID(origin),
    )


class Box:
    """One mailbox of `cache`.  Messages are written as {uid: flag letters}, files as
    {name: flag letters}."""

    def __init__(self, cache: Cache, name: MailboxName = INBOX) -> None:
        self.cache, self.name = cache, name
        self.validity = UIDValidity(1)

    @property
    def id(self) -> MailboxId:
        return next(box.id for box in self.cache.mailboxes(NOW) if box.name == self.name)

    def server(
        self,
        shown: dict[int, str],
        *,
        full: bool = True,
        vanished: tuple[int, ...] = (),
        count: int | None = None,
        extra: dict[int, frozenset[str]] | None = None,
        permanent: Flags = ALL_FLAGS,
        complete: UIDSet | None = None,
        email_ids: dict[int, str] | None = None,
        highest: int = 0,
        **said: Any,
    ) -> tuple[bool, bool]:
        """(ok, relinked) of storing a full listing or a delta.  UIDNEXT is beyond what is `shown`,
        and beyond the `highest` that was given; `said` are other fields of the observation."""
        items = tuple(
            ServerItem(
                UID(uid),
                from_letters(flags),
                (extra or {}).get(uid, frozenset()),
                1000 + uid,
                100,
                (email_ids or {}).get(uid),
            )
            for uid, flags in shown.items()
        )
        stored = self.cache.store_server(
            ServerObservation(
                self.name,
                Cursor(
                    self.validity,
                    max([highest, *shown]) + 1,
                    len(shown) if count is None else count,
                    ModSeq(7),
                ),
                items,
                complete=complete or (EVERYTHING if full else UIDSet()),
                vanished=UIDSet(vanished),
                permanent=permanent,
                **said,
            ),
            NOW,
        )
        return stored.ok, stored.relinked

    def local(
        self,
        files: dict[str, str],
        *,
        proven: bool = True,
        looked: dict[str, FileFacts] | None = None,
        stamp: Stamp | None = STAMP,
    ) -> None:
        """Store a listing.  New names get facts unless `looked` says which have some."""
        entries = tuple(entry(name, flags) for name, flags in files.items())
        if looked is None:
            new = self.cache.unknown_names(self.name, entries)
            known = {row.name: row for row in self.rows()}
            found = {
                one.name: facts(
                    known[one.name].file_size or 100 if one.name in known else 100,
                    (known[one.name].mtime_ns if one.name in known else None) or 5_000_000_000,
                )
                for one in new
            }
        else:
            found = {UniqueName(name): fact for name, fact in looked.items()}
        self.cache.store_local(LocalObservation(self.name, entries, proven, found, stamp))

    def paired(self, messages: dict[int, str]) -> None:
        """Messages that are there on both sides, as file `f<uid>`, and agreed on."""
        self.server(messages)
        rows = self.cache.row_of_uid(self.id, [UID(uid) for uid in messages])
        self.cache.delivered(
            [
                DeliveredRow(
                    rows[UID(uid)].id,
                    entry(f"f{uid}", flags),
                    facts(content=f"body {uid}", origin=uid),
                    from_letters(flags),
                )
                for uid, flags in messages.items()
            ]
        )
        assert not self.cache.due(NOW)

    def rows(self) -> list[Row]:
        return self.cache.rows_of(self.id)

    def row(self, uid: int) -> Row:
        return self.cache.row_of_uid(self.id, [UID(uid)])[UID(uid)]

    def file(self, name: str) -> Row:
        (found,) = [row for row in self.rows() if row.name == name]
        return found

    def ids(self, *uids: int) -> list[RowId]:
        return [self.row(uid).id for uid in uids]

    def picture(self) -> list[str]:
        """Each row as `uid:state[flags] name:state[flags] =synced`, in order of id."""
        return [picture(row) for row in self.rows()]

    def stamped(self) -> bool:
        return self.cache.cursors()[self.name].stamp is not None


def picture(row: Row) -> str:
    parts = [
        f"{row.uid or ''}{MARKS[row.server]}{letters(row.server_flags)}",
        f"{row.name or ''}{MARKS[row.local]}{letters(row.local_flags)}",
    ]
    if row.synced is not None:
        parts.append("=" + letters(row.synced))
    return " ".join(parts)

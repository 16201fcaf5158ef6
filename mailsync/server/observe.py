"""Observe: what changed in a mailbox since its cursor, many mailboxes in one write.

For each mailbox one SELECT and what belongs to it are pipelined, by what the server can do:

    QRESYNC    SELECT (QRESYNC …) tells changes and expunges; FETCH of the new UIDs
    CONDSTORE  FETCH of the old UIDs CHANGEDSINCE; FETCH of the new ones; SEARCH when one is missing
    neither    FETCH of the flags of the old UIDs; FETCH of the new ones

Whatever does not add up (a new UIDVALIDITY, a lower HIGHESTMODSEQ, an extension refused although
announced) is asked again in full, by plain means.  The cursor is that of the SELECT (I14): what
happens later is left for the next time.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailsync.imap import Quirk, cmd
from mailsync.model.errors import Help, MailsyncError, Reach, ServerDefect
from mailsync.model.ids import UID_MAX
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerItem, ServerObservation
from mailsync.model.uidset import UIDSet
from mailsync.server.answers import is_about_nothing, refusal
from mailsync.server.calls import Call, Selection, nothing
from mailsync.server.session import Session
from mailsync.server.shown import Found, Items
from mailsync.server.values import Ability, Ask

Seen = ServerObservation | tuple[MailboxName, MailsyncError]

COMMANDS = 100  # in flight; few enough that their text fits every buffer on the way
DEADLOCK_FREE = 16 << 10  # bytes of commands in one write
SEARCH_RETURNS = ("ALL", "COUNT")  # COUNT tells "none" from an answer without its list


class Mode(enum.Enum):
    QRESYNC = enum.auto()
    CONDSTORE = enum.auto()
    PLAIN = enum.auto()  # the flags of old UIDs, everything of new ones
    FULL = enum.auto()  # everything of all


@dataclass(slots=True)
class Facts:
    """How this session asks: what the server can do, and what failed although announced."""

    items: tuple[str, ...]  # of a message that is new to us
    modseqs: bool  # HIGHESTMODSEQ, where it is told, says something
    condstore: bool
    qresync: bool
    esearch: bool


def facts_of(session: Session, can: Ability) -> Facts:
    items = ["UID", "FLAGS", "INTERNALDATE"]
    if Quirk.NO_SIZE not in can.quirks:
        items.append("RFC822.SIZE")
    if can.capabilities.has_email_id:
        items.append("EMAILID")
    elif can.capabilities.is_gmail:
        items.append("X-GM-MSGID")
    return Facts(
        items=tuple(items),
        modseqs=Quirk.NO_CONDSTORE not in can.quirks,
        condstore=can.has("CONDSTORE"),
        qresync=can.has("QRESYNC") and "QRESYNC" in session.enabled,
        esearch=can.has("ESEARCH"),
    )


@dataclass(slots=True, eq=False)
class Job:
    """One mailbox being observed in one way."""

    ask: Ask
    mode: Mode
    selection: Selection
    items: Items
    select: Call
    fetches: list[Call] = field(default_factory=list)
    search: Call | None = None
    found: Found = field(default_factory=Found)

    @property
    def calls(self) -> list[Call]:
        search = [self.search] if self.search is not None else []
        return [self.select, *self.fetches, *search]

    @property
    def answered(self) -> bool:
        return all(call.status is not None for call in self.calls)


class Observer:
    """One run over `asks` on one session."""

    def __init__(
        self,
        session: Session,
        facts: Facts,
        listed: Mapping[MailboxName, Cursor | None],
        refused: set[str],
        read_only: bool,
    ) -> None:
        self._session = session
        self._facts = facts
        self._listed = listed
        self._refused = refused
        self._read_only = read_only

    async def run(self, asks: Sequence[Ask]) -> AsyncIterator[Seen]:
        waiting = deque((ask, self._first_mode(ask), False) for ask in asks)
        running: deque[Job] = deque()
        while waiting or running:
            load = sum(len(job.calls) for job in running)
            if waiting and load <= COMMANDS // 2:
                batch: list[Job] = []
                size = 0
                while waiting and load < COMMANDS and size < DEADLOCK_FREE:
                    job = self._job(*waiting.popleft())
                    batch.append(job)
                    load += len(job.calls)
                    size += sum(len(str(call.command)) for call in job.calls)
                await self._session.send(*(call for job in batch for call in job.calls))
                running.extend(batch)
            job = running[0]
            await self._session.finish(*job.calls)
            running.popleft()
            again = self._judge(job)
            if isinstance(again, Mode):
                waiting.appendleft((job.ask, again, job.mode is Mode.CONDSTORE))
            else:
                yield again

    # -- asking --------------------------------------------------------------------------------

    def _first_mode(self, ask: Ask) -> Mode:
        if ask.cursor is None or ask.full:
            return Mode.FULL
        if ask.cursor.highest_modseq is not None:
            if self._facts.qresync:
                return Mode.QRESYNC
            if self._facts.condstore:
                return Mode.CONDSTORE
        return Mode.PLAIN

    def _job(self, ask: Ask, mode: Mode, with_search: bool) -> Job:
        selection = Selection(ask.wire_name, examined=self._read_only)
        items = Items(lambda: selection.most)
        cursor, facts = ask.cursor, self._facts
        modseq = cursor.highest_modseq if cursor is not None else None
        qresync = None
        if mode is Mode.QRESYNC and cursor is not None and modseq is not None:
            known = UIDSet.span(1, cursor.uid_next - 1)
            qresync = (cursor.uid_validity, modseq, known or None)
        select = Call(
            cmd.select(ask.wire_name, self._read_only, facts.condstore, qresync),
            items.take_selecting if qresync is not None else nothing,
            selection,
        )
        job = Job(ask, mode, selection, items, select)
        if mode is Mode.FULL or cursor is None:
            job.fetches.append(self._fetch(job, UIDSet.span(1, UID_MAX), full=True))
            return job
        old = UIDSet.span(1, cursor.uid_next - 1)
        if old and mode is Mode.PLAIN:
            job.fetches.append(self._fetch(job, old, full=False))
        elif old and mode is Mode.CONDSTORE:
            since = cmd.uid_fetch(old, ("UID", "FLAGS"), modseq)
            job.fetches.append(Call(since, items.take))
        if ask.audit:
            job.fetches.append(self._fetch(job, ask.audit, full=True))
        new = UIDSet.span(cursor.uid_next, UID_MAX)
        if new:
            job.fetches.append(self._fetch(job, new, full=True))
        if old and mode is Mode.CONDSTORE and (with_search or self._lacks(ask, cursor)):
            returns = SEARCH_RETURNS if facts.esearch else ()
            job.search = Call(cmd.uid_search((old,), returns), job.found.take)
        return job

    def _fetch(self, job: Job, uids: UIDSet, full: bool) -> Call:
        return Call(
            cmd.uid_fetch(uids, self._facts.items if full else ("UID", "FLAGS")), job.items.take
        )

    def _lacks(self, ask: Ask, cursor: Cursor) -> bool:
        """Whether STATUS says that messages may have gone."""
        listed = self._listed.get(ask.name)
        if listed is None:
            return False
        return listed.messages < ask.known + listed.uid_next - cursor.uid_next

    # -- judging -------------------------------------------------------------------------------

    def _judge(self, job: Job) -> Seen | Mode:
        """The observation, the error of this mailbox, or how to ask again."""
        name, selection = job.ask.name, job.selection
        refused = self._refusal(job)
        if refused is not None:
            return refused
        cursor, known = self._cursor(job), job.ask.cursor
        if isinstance(cursor, ServerDefect):
            return name, cursor
        back = known is not None and self._went_back(job, cursor, known)
        if known is not None and job.mode is not Mode.FULL:
            if cursor.uid_validity != known.uid_validity or back:
                return Mode.FULL
            if job.mode is not Mode.PLAIN and (
                cursor.highest_modseq is None
                or known.highest_modseq is None
                or cursor.highest_modseq < known.highest_modseq
            ):
                return Mode.FULL  # the server forgot: its deltas prove nothing
        vanished = selection.vanished | selection.earlier
        lists_all = job.mode in (Mode.FULL, Mode.PLAIN)
        complete = UIDSet() if lists_all else job.ask.audit
        items = self._items(job, cursor)
        if lists_all:
            if len(items) == cursor.messages and not job.items.shifted:
                told = selection.uid_next is not None or selection.arrived
                complete = UIDSet.span(1, cursor.uid_next - 1 if told else UID_MAX)
        elif job.mode is Mode.CONDSTORE and known is not None:
            gone = self._missing(job, cursor, known, items)
            if isinstance(gone, Mode):
                return gone
            vanished |= gone
        return ServerObservation(
            mailbox=name,
            cursor=cursor,
            items=items,
            complete=complete,
            vanished=vanished - UIDSet(item.uid for item in items) if vanished else vanished,
            permanent=selection.permanent,
            listed=selection.listed,
            read_only=selection.read_only,
            mailbox_id=selection.mailbox_id,
            went_back=back,
            scant=job.mode is not Mode.FULL,
        )

    def _went_back(self, job: Job, cursor: Cursor, known: Cursor) -> bool:
        """UIDNEXT never does under one UIDVALIDITY, but where a server was restored from a backup,
        or made a mailbox anew; a full listing tells it from one that is always too low."""
        told = job.selection.uid_next is not None and not job.selection.arrived
        same = cursor.uid_validity == known.uid_validity
        return told and same and cursor.uid_next < known.uid_next

    def _refusal(self, job: Job) -> Seen | Mode | None:
        name, select = job.ask.name, job.select
        assert select.status is not None
        if not select.succeeded:
            if select.status.kind == "BAD" and job.mode is Mode.QRESYNC:
                return self._without("QRESYNC")
            if select.status.kind == "BAD" and self._facts.condstore:
                return self._without("CONDSTORE")
            return name, refusal(select.status, f"to select {name}")
        for call in job.fetches + ([job.search] if job.search is not None else []):
            assert call.status is not None
            if call.succeeded or (job.selection.exists == 0 and is_about_nothing(call.status)):
                continue
            if job.mode in (Mode.QRESYNC, Mode.CONDSTORE):
                # What was announced does not work: by plain means, for all of this session,
                # unless only this mailbox keeps no modseqs (RFC 7162 §3.1.2.2).
                broken = job.mode is Mode.CONDSTORE and job.selection.highest_modseq is not None
                return self._without("CONDSTORE") if broken else Mode.FULL
            if job.mode is Mode.PLAIN:
                return Mode.FULL  # imap4d refuses a range that ends with a UID that is gone
            return name, refusal(call.status, f"to list {name}")
        return None

    def _without(self, extension: str) -> Mode:
        self._refused.add(extension)
        if extension == "CONDSTORE":
            self._facts.condstore = False
        self._facts.qresync = False
        return Mode.FULL

    def _cursor(self, job: Job) -> Cursor | ServerDefect:
        """Where the mailbox stood at the SELECT, less what went away since by name or count."""
        selection, name = job.selection, job.ask.name
        if selection.uid_validity is None or selection.uid_validity < 1:
            return ServerDefect(
                f"{name}: the server gives no UIDVALIDITY, so its UIDs mean nothing",
                reach=Reach.MAILBOX,
            )
        if selection.renumbered:
            return ServerDefect(
                f"{name}: the server gave the messages other UIDs while it was looked at",
                reach=Reach.MAILBOX,
                help=Help.RETRY,
            )
        if not selection.sticky:
            return ServerDefect(
                f"{name}: the server gives messages other UIDs each time (UIDNOTSTICKY), so that "
                "nothing of them can be remembered",
                reach=Reach.MAILBOX,
            )
        if selection.exists is None:
            return ServerDefect(
                f"{name}: the server does not say how many messages there are", reach=Reach.MAILBOX
            )
        highest = max(job.items.found, default=0)
        uid_next = selection.uid_next or highest + 1
        if not selection.arrived:
            uid_next = max(uid_next, highest + 1)  # one that is too low must not hide mail
        return Cursor(
            uid_validity=selection.uid_validity,
            uid_next=uid_next,
            messages=max(0, selection.exists - selection.expunged),
            highest_modseq=selection.highest_modseq if self._facts.modseqs else None,
        )

    def _items(self, job: Job, cursor: Cursor) -> tuple[ServerItem, ...]:
        """What was there at the SELECT's time and still is."""
        vanished = job.selection.vanished
        return tuple(
            item
            for uid, item in sorted(job.items.found.items())
            if uid < cursor.uid_next and not (vanished and uid in vanished)
        )

    def _missing(
        self, job: Job, cursor: Cursor, known: Cursor, items: Sequence[ServerItem]
    ) -> UIDSet | Mode:
        """Expunged UIDs, proven by a SEARCH that agrees with EXISTS (I15)."""
        new = sum(item.uid >= known.uid_next for item in items)
        old = UIDSet.span(1, known.uid_next - 1)
        if not old:
            return UIDSet() if new == cursor.messages else Mode.FULL
        if job.search is None:
            # What we put there since the cursor counts on both sides: then the SEARCH tells.
            enough = job.ask.known + new == cursor.messages
            return UIDSet() if enough else Mode.CONDSTORE
        left = (job.found.uids & old) - job.selection.vanished
        sound = job.found.answered and not (job.found.shifted or job.items.shifted)
        if not sound or len(left) + new != cursor.messages:
            return Mode.FULL
        return old - left

"""Bodies as streams, and the small looks at a message: headers, identity."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

from mailsync.imap import STREAMED, BodyBegin, BodyData, BodyEnd, Event, Fetch, Status, cmd
from mailsync.model.content import HEADER_LIMIT, Head, message_id
from mailsync.model.errors import Disconnected, MailsyncError, ServerDefect
from mailsync.model.ids import UID
from mailsync.model.uidset import UIDSet
from mailsync.server.answers import is_partial, refusal
from mailsync.server.calls import Call, split_flags
from mailsync.server.session import Session
from mailsync.server.shown import flags_of
from mailsync.server.turn import Turn
from mailsync.server.values import FetchedBody, Identity

MESSAGES = 100  # of one FETCH
IN_FLIGHT = 4  # FETCHes: enough to fill the line while a chunk is stored
_BODY = "BODY[]"
_HEADER = "BODY[HEADER]"
_MESSAGE_ID = "BODY[HEADER.FIELDS (MESSAGE-ID)]"


class Bodies:
    """The bodies of `uids`, in parts of a hundred in the order given."""

    def __init__(
        self, session: Session, turn: Turn, uids: Sequence[UID], line: int, one_by_one: int
    ) -> None:
        self._session, self._turn = session, turn
        self._uids = frozenset(uids)
        groups = [UIDSet((uid,)) for uid in uids[:one_by_one]]
        rest = uids[one_by_one:]
        groups += [UIDSet(rest[at : at + MESSAGES]) for at in range(0, len(rest), MESSAGES)]
        self._parts = [part for group in groups for part in group.split(line)]
        self._events: deque[Event] = deque()
        self._seen: set[UID] = set()

    async def run(
        self, before: Sequence[Call], check: Callable[[], object]
    ) -> AsyncIterator[FetchedBody]:
        """`before` (a SELECT) goes out in the same write, and once it is answered `check` may
        raise, also later: UIDs may come to mean other messages."""
        session, waiting = self._session, deque(self._parts)
        running: deque[Call] = deque()
        first = list(before)
        lost: MailsyncError | None = None
        while waiting or running:
            try:
                if waiting and len(running) <= IN_FLIGHT // 2:
                    fresh = [
                        Call(cmd.uid_fetch(waiting.popleft(), _ITEMS), self._take)
                        for _ in range(min(len(waiting), IN_FLIGHT - len(running)))
                    ]
                    await session.send(*first, *fresh)
                    running.extend(fresh)
                    first = []
                    await session.finish(*before)
                    check()
                else:
                    await session.pump()
                    check()
            except (Disconnected, ServerDefect) as error:
                lost = error  # what came whole before it is given all the same
            while self._events:
                body = self._next()
                if body is None:
                    continue
                session.traffic.bodies += 1
                yield body
                self._turn.check()
                if body.chunks is not None:
                    async for _ in body.chunks:
                        pass  # whatever its reader left
            if lost is not None:
                raise lost
            while running and running[0].status is not None:
                self._judge(running.popleft().status)

    def _judge(self, status: Status | None) -> None:
        if status is not None and status.kind != "OK":
            error = refusal(status, "to give messages")
            if not is_partial(error, self._seen):
                raise error

    def _take(self, event: Event) -> bool:
        if isinstance(event, Fetch):
            if _BODY not in event.sections:
                return False
        elif not isinstance(event, BodyBegin | BodyData | BodyEnd):
            return False
        if not self._turn.over:
            self._events.append(event)
        return True

    def _next(self) -> FetchedBody | None:
        """Of the next event; None when it gives no body (any more)."""
        event = self._events.popleft()
        if isinstance(event, BodyBegin):
            if event.section != _BODY:
                raise ServerDefect("the server sends a part of a message that nobody asked for")
            body = FetchedBody(uid=event.uid, size=event.size)
            body.chunks = self._chunks(body)
            return body
        if not isinstance(event, Fetch) or event.uid is None or not self._wanted(event.uid):
            return None
        flags, extra = flags_of(event.flags)
        section = event.sections[_BODY]
        if section is STREAMED:
            return None
        return FetchedBody(
            uid=event.uid,
            flags=flags,
            extra=extra,
            internal_date=event.internal_date,
            size=None if section is None else len(section),
            data=section,
        )

    def _wanted(self, uid: UID) -> bool:
        """Once each; what nobody asked for is not even remembered."""
        if uid not in self._uids or uid in self._seen:
            return False
        self._seen.add(uid)
        return True

    async def _chunks(self, body: FetchedBody) -> AsyncIterator[bytes]:
        while True:
            self._turn.check()
            while not self._events:
                await self._session.pump()
                self._turn.check()
            event = self._events.popleft()
            if isinstance(event, BodyData):
                yield event.data
            elif isinstance(event, Fetch):
                if body.uid not in (None, event.uid):
                    raise ServerDefect("the server says two UIDs of one message")
                body.uid = event.uid
                body.flags, body.extra = flags_of(event.flags)
                body.internal_date = event.internal_date
                if event.uid in self._uids:
                    self._seen.add(event.uid)
                return
            elif isinstance(event, BodyBegin):
                raise ServerDefect("the server sends the text of one message twice")


_ITEMS = ("UID", "FLAGS", "INTERNALDATE", "BODY.PEEK[]")


class Headers:
    """Gathers what BODY[HEADER] tells, each cut at 1 MiB; None: the server gave NIL."""

    def __init__(self, uids: UIDSet) -> None:
        self.found: dict[UID, Head | None] = {}
        self._uids = uids
        self._big = bytearray()

    def take(self, event: Event) -> bool:
        match event:
            case BodyBegin():
                self._big.clear()
            case BodyData(data):
                self._big += data[: HEADER_LIMIT - len(self._big)]
            case BodyEnd():
                pass
            case Fetch(uid=uid, sections=sections) if _HEADER in sections:
                header = sections[_HEADER]
                if header is STREAMED:
                    header = bytes(self._big)
                if uid is not None and uid in self._uids:
                    self.found[uid] = None if header is None else Head.of(header)
            case _:
                return False
        return True


class Identities:
    """Gathers what `identify` asks for."""

    items = ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", f"BODY.PEEK[{_MESSAGE_ID[5:]}")

    def __init__(self, uids: UIDSet) -> None:
        self.found: dict[UID, Identity] = {}
        self._uids = uids

    def take(self, event: Event) -> bool:
        if not isinstance(event, Fetch) or event.uid is None or event.flags is None:
            return False
        if event.uid not in self._uids:
            return True
        header = next(iter(event.sections.values()), None)
        if event.uid in self.found and header is None:
            return True  # news of its flags
        email_id = event.email_id
        if email_id is None and event.gm_msgid is not None:
            email_id = str(event.gm_msgid)
        flags, extra = split_flags(event.flags)
        self.found[event.uid] = Identity(
            flags=flags,
            extra=extra,
            size=event.size,
            internal_date=event.internal_date,
            message_id=message_id(header) if isinstance(header, bytes) else "",
            email_id=email_id,
        )
        return True

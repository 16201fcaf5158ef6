"""One account's server side as the other rooms see it: observe, bodies, change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

from mailsync.imap import Header, Quirk, cmd
from mailsync.model.content import Head
from mailsync.model.errors import Refused
from mailsync.model.flags import SYSTEM, Flags
from mailsync.model.ids import UID, UID_MAX, UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor, ServerItem, ServerMailbox, ServerObservation
from mailsync.model.uidset import UIDSet
from mailsync.server.answers import is_partial, refusal
from mailsync.server.bodies import Bodies, Headers, Identities
from mailsync.server.calls import Call, Take
from mailsync.server.changes import Changes
from mailsync.server.mailboxes import list_mailboxes
from mailsync.server.observe import SEARCH_RETURNS, Observer, Seen, facts_of
from mailsync.server.shown import Found, Items
from mailsync.server.values import Ask, FetchedBody, Identity

LISTED = 60  # bytes that a message takes in a listing


class Server(Changes):
    """Every method raises Disconnected once the connection is gone, or the reason it was closed
    for; then `connect` may be called anew.  Refused is a NO or BAD; the connection is fine.

    Names of mailboxes are the model's.  `uid_validity`: what the UIDs were seen under; another
    one by now is Refused with code UIDVALIDITY, before anything is done.  Where it is not passed,
    that of the last observation of this mailbox counts, stored or not.
    """

    async def connect(self) -> None:
        """Connect and log in.  Raises InsecureError, AuthError, Unavailable, Disconnected,
        ServerDefect, ConfigError.  What else a session needs goes out with the first command."""
        await self.link.connect()

    async def close(self) -> None:
        """LOGOUT, for at most two seconds; never raises."""
        await self.link.close()

    def know(self, keywords: Keywords) -> None:
        """The account's keywords, by whose names flags are sent from now on."""
        self.link.keywords = keywords

    # -- observing -----------------------------------------------------------------------------

    async def mailboxes(self) -> list[ServerMailbox]:
        """All mailboxes, INBOX among them; `notices` tells of those that cannot be named here."""
        link = self.link
        async with link.session.busy():
            found, self.notices = await list_mailboxes(
                link.session,
                link.introduction(),
                link.names,
                link.ability,
                subscribed=link.subscribed_only,
            )
        link.listed = {box.name: box.cursor for box in found}
        link.tell_quirks()
        return found

    def called(self, box: MailboxName) -> MailboxName:
        """What a mailbox is called on the server, by the last listing or as it would be made.
        Raises ValueError where no name there leads to it."""
        return self.link.names.called(box)

    def carried(self, old: bytes, new: bytes) -> list[tuple[MailboxName, MailboxName, bytes]]:
        """What lay below a mailbox when it was renamed from `old` to `new`, by the last listing:
        the name here until now, the one by now, and that on the wire."""
        return self.link.names.carried(old, new)

    async def observe(self, asks: Sequence[Ask], *, read_only: bool = False) -> AsyncIterator[Seen]:
        """What changed in each mailbox, in any order; a mailbox that fails gives its name and
        error.  `read_only`: EXAMINE instead of SELECT."""
        link = self.link
        shown = [link.listed.get(ask.name) for ask in asks if ask.full or not self.has_condstore]
        await self.expect(LISTED * sum(one.messages for one in shown if one is not None))
        async with link.session.busy() as turn:
            await link.introduce()
            facts = facts_of(link.session, link.ability)
            examine = read_only or link.read_only
            observer = Observer(link.session, facts, link.listed, link.refused, examine)
            async for seen in observer.run(asks):
                if isinstance(seen, ServerObservation):
                    link.told[seen.mailbox] = seen.cursor.uid_validity
                    if Quirk.NO_KEYWORDS in link.quirks and seen.permanent is not None:
                        able = seen.permanent & SYSTEM & ~Flags.FORWARDED
                        seen = replace(seen, permanent=able, listed=frozenset())
                yield seen
                turn.check()

    async def recheck(
        self, box: MailboxName, from_uid: UID, *, uid_validity: UIDValidity | None = None
    ) -> ServerObservation:
        """Every message with a UID ≥ `from_uid`, by a fresh look; not made to be stored."""
        link = self.link

        def counted() -> int:
            selected = link.session.selected
            return 0 if selected is None else selected.most

        items = Items(counted, UIDSet.span(from_uid, UID_MAX))
        async with link.session.busy():
            await link.refresh(box, appended=True)
            facts = facts_of(link.session, link.ability)
            uids = UIDSet.span(min(from_uid, UID_MAX), UID_MAX)
            fetch = Call(cmd.uid_fetch(uids, facts.items), items.take)
            selection = await link.on(box, [fetch], "to list", uid_validity)
        assert selection.uid_validity is not None
        found = tuple(item for _, item in sorted(items.found.items()))
        highest = max((item.uid for item in found), default=0)
        cursor = Cursor(
            selection.uid_validity,
            max(selection.uid_next or 1, highest + 1),
            selection.now,
            selection.highest_modseq if facts.modseqs else None,
        )
        return ServerObservation(box, cursor, found, permanent=selection.permanent)

    async def alive(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity | None = None
    ) -> UIDSet:
        """Those of `uids` that the mailbox still has."""
        parts = ((part,) for part in uids.split(self.link.line))
        found = await self._search(box, *parts, fresh=True, uid_validity=uid_validity)
        return found & uids

    async def deleted(self, box: MailboxName) -> UIDSet:
        """The UIDs marked \\Deleted."""
        return await self._search(box, ("DELETED",), fresh=True)

    async def search_message_id(self, box: MailboxName, mid: str) -> UIDSet:
        """Messages whose Message-ID contains `mid`, or its longest ASCII part."""
        parts = "".join(c if " " < c < "\x7f" else " " for c in mid).split()
        if not parts:
            return UIDSet()
        return await self._search(box, (Header("Message-ID", max(parts, key=len)),))

    async def _search(
        self,
        box: MailboxName,
        *criteria: tuple[UIDSet | str | Header, ...],
        fresh: bool = False,
        uid_validity: UIDValidity | None = None,
    ) -> UIDSet:
        if not criteria:
            return UIDSet()
        link = self.link
        async with link.session.busy():
            if fresh:
                await link.refresh(box)
            found: list[Found] = []
            if link.ability.has("ESEARCH"):
                found = await self._found(box, criteria, SEARCH_RETURNS, uid_validity)
            if not found or not all(one.answered for one in found):
                if found:
                    link.refused.add("ESEARCH")
                found = await self._found(box, criteria, (), uid_validity)
        if not all(one.answered for one in found):
            raise Refused(f"the server gives no answer to a search in {box}")
        union = UIDSet()
        for one in found:
            union |= one.uids
        return union

    async def _found(
        self,
        box: MailboxName,
        criteria: Sequence[tuple[UIDSet | str | Header, ...]],
        returns: Sequence[str],
        uid_validity: UIDValidity | None,
    ) -> list[Found]:
        found = [Found() for _ in criteria]
        calls = [
            Call(cmd.uid_search(one, returns), into.take)
            for one, into in zip(criteria, found, strict=True)
        ]
        await self.link.on(box, calls, "to search", uid_validity)
        return found

    # -- bodies --------------------------------------------------------------------------------

    @property
    def body_limit(self) -> int:
        """Bytes of the largest message that is taken."""
        return self.link.limits.body

    async def bodies(
        self,
        box: MailboxName,
        uids: Sequence[UID],
        *,
        one_by_one: int = 0,
        uid_validity: UIDValidity | None = None,
    ) -> AsyncIterator[FetchedBody]:
        """The messages' bytes, a hundred by a hundred in the order of `uids`; the first
        `one_by_one` of them each by a command of its own.

        A UID that the server does not answer is not yielded.  The connection is taken until the
        iterator is exhausted or closed; of a streamed body what is left is skipped.
        """
        link = self.link
        async with link.session.busy() as turn:
            select = link.select(box)
            fetching = Bodies(link.session, turn, uids, link.line, one_by_one)
            async for body in fetching.run(
                [] if select is None else [*link.introduction(), select],
                lambda: link.check(box, select, uid_validity),
            ):
                yield body

    async def headers(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity | None = None
    ) -> dict[UID, Head | None]:
        """Of each message that there is, at most 1 MiB of BODY[HEADER]; None: the server gave
        NIL."""
        headers, items = Headers(uids), ("UID", "BODY.PEEK[HEADER]")
        await self._fetch(box, uids, items, headers.take, headers.found, uid_validity)
        return headers.found

    async def identify(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity | None = None
    ) -> dict[UID, Identity]:
        """By what each message that there is can be recognised."""
        identities = Identities(uids)
        items = list(Identities.items)
        if self.capabilities.has_email_id:
            items.append("EMAILID")
        elif self.capabilities.is_gmail:
            items.append("X-GM-MSGID")
        await self._fetch(box, uids, items, identities.take, identities.found, uid_validity)
        return identities.found

    async def flags(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity | None = None
    ) -> dict[UID, ServerItem]:
        """Those of each message that there is, as they are now; not made to be stored."""
        items = Items(among=uids)
        await self._fetch(box, uids, ("UID", "FLAGS"), items.take, items.found, uid_validity)
        return items.found

    async def shown(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity | None = None
    ) -> dict[UID, ServerItem]:
        """What a listing in full shows of each message that there is; not made to be stored."""
        items, asked = Items(among=uids), facts_of(self.link.session, self.link.ability).items
        await self._fetch(box, uids, asked, items.take, items.found, uid_validity)
        return items.found

    async def _fetch(
        self,
        box: MailboxName,
        uids: UIDSet,
        items: Sequence[str],
        take: Take,
        found: Collection[UID],
        uid_validity: UIDValidity | None,
    ) -> None:
        if not uids:
            return
        link = self.link
        async with link.session.busy():
            parts = uids.split(link.line)
            calls = [Call(cmd.uid_fetch(part, items), take) for part in parts]
            await link.on(box, calls, "", uid_validity, judge=False)
            for call in calls:
                assert call.status is not None
                if call.succeeded:
                    continue
                error = refusal(call.status, f"to give messages in {box}")
                if not is_partial(error, found):
                    raise error

"""Changes on the server.  They name UIDs only and check UIDVALIDITY first (reliability.md I16)."""

from __future__ import annotations

from collections.abc import Sequence

from mailsync.imap import (
    AppendMessage,
    AppendUID,
    Capabilities,
    CopyUID,
    Limits,
    Quirk,
    cmd,
    quirks,
)
from mailsync.model.errors import Refused
from mailsync.model.flags import Flags, imap_names
from mailsync.model.ids import ModSeq, UIDValidity
from mailsync.model.mailboxname import MailboxName
from mailsync.model.settings import Account
from mailsync.model.uidset import UIDSet
from mailsync.server.calls import Call, Selection, nothing
from mailsync.server.link import Link
from mailsync.server.login import Password
from mailsync.server.mailboxes import Listing, is_selectable
from mailsync.server.past import Past
from mailsync.server.shown import Items
from mailsync.server.values import Appended, Outgoing, Stored, Traffic
from mailsync.system.seams import Net, Rand


class Changes:
    """The half of `Server` that changes things, and what the server can do."""

    def __init__(
        self,
        account: Account,
        net: Net,
        rand: Rand,
        password: Password,
        limits: Limits | None = None,
        *,
        past: Past | None = None,
        read_only: bool = False,
    ) -> None:
        """`past`: what earlier logins left.  `read_only`: mailboxes are EXAMINEd, not SELECTed."""
        self.link = Link(account, net, rand, password, limits or Limits(), past or Past())
        self.link.read_only = read_only
        self.notices: list[str] = []

    @property
    def traffic(self) -> Traffic:
        return self.link.traffic

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do and may be asked to."""
        return self.link.capabilities

    @property
    def has_uidplus(self) -> bool:
        return self.capabilities.has("UIDPLUS")

    @property
    def has_move(self) -> bool:
        return self.capabilities.has("MOVE")

    @property
    def has_condstore(self) -> bool:
        return self.link.ability.has("CONDSTORE")

    @property
    def has_binary(self) -> bool:
        return self.capabilities.has("BINARY")

    @property
    def has_multiappend(self) -> bool:
        return self.capabilities.has("MULTIAPPEND")

    @property
    def is_gmail(self) -> bool:
        return self.capabilities.is_gmail

    @property
    def allowance(self) -> quirks.Allowance:
        """What the provider is known to let an account transfer within a day."""
        return quirks.allowance(self.link.seen)

    @property
    def append_limit(self) -> int | None:
        """Bytes; None: not known."""
        return self.capabilities.append_limit

    async def append_limit_of(self, box: MailboxName) -> int | None:
        """That of the mailbox, where the server says so only by mailbox (RFC 7889 §3.2)."""
        link = self.link
        if self.capabilities.has("APPENDLIMIT") and box not in link.append_limits:
            wire, listing = link.wire(box), Listing()
            async with link.session.busy():
                call = Call(cmd.status(wire, ["APPENDLIMIT"]), listing.take)
                await link.session.run(*link.introduction(), call)
            told = [one.values.get("APPENDLIMIT") for one in listing.status.values()]
            link.append_limits[box] = next((one for one in told if isinstance(one, int)), None)
        limits = [
            one for one in (self.append_limit, link.append_limits.get(box)) if one is not None
        ]
        return min(limits, default=None)

    @property
    def append_forgets(self) -> Flags:
        """Flags that an APPEND does not set, whatever it says: they are stored afterwards."""
        quirk = Quirk.FLAGGED_AFTER_APPEND in self.link.quirks
        return Flags.FLAGGED if quirk else Flags.NONE

    @property
    def append_wants_crlf(self) -> bool:
        """A message without a line end at its end is refused."""
        return Quirk.FINAL_CRLF in self.link.quirks

    async def expect(self, size: int) -> None:
        """So many bytes are about to be transferred: COMPRESS first, where that pays."""
        await self.link.compress_for(size)

    # -- messages ------------------------------------------------------------------------------

    async def append(
        self,
        box: MailboxName,
        messages: Sequence[Outgoing],
        *,
        uid_validity: UIDValidity | None = None,
    ) -> Appended:
        """All of `messages` by one command, or none; more than one only where `has_multiappend`.

        Nothing of a message is sent before the server said that it wants it.  Refused: nothing
        was stored.  Disconnected: the outcome is not known.  StorageError: a message's `open()`
        gave other than `size` bytes; nothing was stored, the connection is closed.
        """
        link = self.link
        if len(messages) > 1 and not self.has_multiappend:
            raise ValueError("several messages in one APPEND need MULTIAPPEND")
        async with link.session.busy():
            if uid_validity is not None and link.is_selected(box):
                link.check(box, None, uid_validity)
            command = cmd.append(
                link.wire(box),
                [
                    AppendMessage(self._names(m.flags), m.internal_date, m.size, m.binary)
                    for m in messages
                ],
            )
            call = Call(command, bodies=[m.open for m in messages], sync_first=True)
            await link.session.run(*link.introduction(), call)
            link.session.require(call, f"to store a message in {box}")
        code = call.code("APPENDUID")
        told = code.args if code is not None else None
        if not isinstance(told, AppendUID) or len(told.uids) != len(messages):
            return Appended()
        return Appended(told.uid_validity, told.uids)

    async def store(
        self,
        box: MailboxName,
        uids: UIDSet,
        add: Flags,
        remove: Flags,
        extra_add: Sequence[str] = (),
        *,
        unchanged_since: ModSeq | None = None,
        uid_validity: UIDValidity | None = None,
        shown: bool = False,
    ) -> Stored:
        """+FLAGS and -FLAGS in one write.  `unchanged_since` only where `has_condstore`; `shown`:
        the server tells what flags they have now (RFC 9051 §6.4.6: STORE without .SILENT)."""
        link, items = self.link, Items(among=uids)
        changes = [("+", [*self._names(add), *extra_add]), ("-", self._names(remove))]
        calls = [
            Call(
                cmd.uid_store(part, "+" if op == "+" else "-", names, not shown, unchanged_since),
                items.take if shown else nothing,
            )
            for part in uids.split(link.line)
            for op, names in changes
            if names
        ]
        async with link.session.busy():
            try:
                await link.on(box, calls, "to change flags", uid_validity, change=True)
            except Refused:
                # Some say NO, not OK, when all of it was modified (RFC 7162 §3.1.3).
                refused = [c for c in calls if c.status is None or not c.succeeded]
                if not refused or any(c.code("MODIFIED") is None for c in refused):
                    raise
        codes = [code.args for call in calls if (code := call.code("MODIFIED")) is not None]
        modified = UIDSet()
        for one in codes:
            modified |= one if isinstance(one, UIDSet) else UIDSet()
        return Stored(modified, {uid: item.flags for uid, item in items.found.items()})

    def parts(self, uids: UIDSet) -> Sequence[UIDSet]:
        """Each of a size that one command may have at this server."""
        return list(uids.split(self.link.line))

    async def copy(
        self,
        box: MailboxName,
        target: MailboxName,
        uids: UIDSet,
        *,
        uid_validity: UIDValidity | None = None,
    ) -> CopyUID | None:
        """UID COPY of what fits one command (see `parts`), so that a refusal means: nothing of it.

        None: the server does not say what became of what (no COPYUID)."""
        call = Call(cmd.uid_copy(uids, self.link.wire(target)))
        async with self.link.session.busy():
            await self.link.on(box, [call], f"to copy to {target}", uid_validity, change=True)
        return _told(call)

    async def move(
        self,
        box: MailboxName,
        target: MailboxName,
        uids: UIDSet,
        *,
        uid_validity: UIDValidity | None = None,
    ) -> CopyUID | None:
        """UID MOVE, where `has_move`; as `copy`."""
        if not self.has_move:
            raise Refused("the server has no MOVE", code="CANNOT")
        call = Call(cmd.uid_move(uids, self.link.wire(target)))
        async with self.link.session.busy():
            await self.link.on(box, [call], f"to move to {target}", uid_validity, change=True)
        return _told(call)

    async def expunge(
        self, box: MailboxName, uids: UIDSet, *, uid_validity: UIDValidity | None = None
    ) -> None:
        """UID EXPUNGE of exactly these, where `has_uidplus`."""
        if not self.has_uidplus:
            raise Refused("the server has no UID EXPUNGE", code="CANNOT")
        calls = [Call(cmd.uid_expunge(part)) for part in uids.split(self._line)]
        async with self.link.session.busy():
            await self.link.on(box, calls, "to expunge", uid_validity, change=True)

    async def plain_expunge(
        self, box: MailboxName, *, uid_validity: UIDValidity | None = None
    ) -> None:
        """EXPUNGE of everything marked \\Deleted: only after `deleted` named none but ours."""
        async with self.link.session.busy():
            calls = [Call(cmd.expunge())]
            await self.link.on(box, calls, "to expunge", uid_validity, change=True)

    # -- mailboxes -----------------------------------------------------------------------------

    async def create(self, name: MailboxName, had: bytes | None = None) -> tuple[bytes, bool]:
        """CREATE and SUBSCRIBE; the wire name, which is `had` if it had one before, and whether it
        was there already, which is as good; Cyrus makes parents by itself, and says no code."""
        link = self.link
        wire = had if had is not None and link.names.means(had, name) else link.wire(name)
        async with link.session.busy():
            create = Call(cmd.create(wire))
            await link.session.run(*link.introduction(), create)
            if not create.succeeded and wire not in await self._listed(wire):
                link.session.require(create, f"to create {name}")
            await self._subscribe(name, wire)
        link.names.wire[name] = wire
        return wire, not create.succeeded

    async def subscribe(self, name: MailboxName) -> None:
        """SUBSCRIBE."""
        async with self.link.session.busy():
            await self.link.introduce()
            await self._subscribe(name, self.link.wire(name))

    async def _subscribe(self, name: MailboxName, wire: bytes) -> None:
        """A refusal hurts nobody but whoever syncs by subscription."""
        subscribe = Call(cmd.subscribe(wire))
        await self.link.session.run(subscribe)
        if self.link.subscribed_only:
            self.link.session.require(subscribe, f"to subscribe to {name} (subscribed-only)")

    async def rename(self, name: MailboxName, new: MailboxName) -> tuple[bytes, UIDValidity | None]:
        """RENAME, and the subscription with it; the new wire name, and the UIDVALIDITY that it
        has now (None: not told).

        It takes the mailboxes below along (RFC 9051 §6.3.6): theirs is refused then, and done.
        """
        link = self.link
        old_wire, wire = link.wire(name), link.wire(new)
        async with link.session.busy():
            if leaving := self._leaving(name):
                await link.session.run(*leaving)
            rename = Call(cmd.rename(old_wire, wire))
            await link.session.run(*link.introduction(), rename)
            if not rename.succeeded and not await self._is_renamed(old_wire, wire):
                link.session.require(rename, f"to rename {name}")
            listing = Listing()
            await link.session.run(
                Call(cmd.subscribe(wire)),
                Call(cmd.unsubscribe(old_wire)),
                Call(cmd.status(wire, ["UIDVALIDITY"]), listing.take),
            )
        link.names.wire[new] = wire
        link.forget(name)
        told = [one.values.get("UIDVALIDITY") for one in listing.status.values()]
        return wire, next((UIDValidity(one) for one in told if isinstance(one, int)), None)

    async def _is_renamed(self, old: bytes, new: bytes) -> bool:
        return await self._listed(old, new) == {new}

    async def _listed(self, *names: bytes) -> set[bytes]:
        """Those of them that are there and can be selected; none where LIST is refused."""
        listing = Listing()
        calls = [Call(cmd.list_(b"", [wire]), listing.take) for wire in names]
        await self.link.session.run(*calls)
        if not all(call.succeeded for call in calls):
            return set()
        selectable = {wire for wire, entry in listing.lists.items() if is_selectable(entry)}
        return selectable & set(names)

    async def delete(self, name: MailboxName) -> bool:
        """DELETE.  It takes the messages with it, and whoever saw it empty did so a moment ago:
        False where STATUS counts some by now."""
        link = self.link
        wire = link.wire(name)
        async with link.session.busy():
            counted = Listing()
            status = Call(cmd.status(wire, ["MESSAGES"]), counted.take)
            await link.session.run(*self._leaving(name), status)
            if any(one.values.get("MESSAGES") for one in counted.status.values()):
                return False
            delete = Call(cmd.delete(wire))
            await link.session.run(*link.introduction(), delete)
            link.session.require(delete, f"to delete {name}")
            await link.session.run(Call(cmd.unsubscribe(wire)))
        link.forget(name)
        return True

    def _leaving(self, name: MailboxName) -> list[Call]:
        """A selected mailbox can be neither renamed nor deleted everywhere, nor can those above it
        (Courier).  One that only starts like it is left for nothing."""
        link = self.link
        selected = link.session.selected
        if selected is None or not selected.wire_name.startswith(link.wire(name)):
            return []
        if link.has("UNSELECT"):
            return [Call(cmd.unselect())]
        inbox = cmd.select(b"INBOX", read_only=True)
        return [Call(inbox, selects=Selection(b"INBOX", examined=True))]

    # -- small helpers ---------------------------------------------------------------------------

    @property
    def _line(self) -> int:
        return self.link.line

    def _names(self, flags: Flags) -> list[str]:
        if Quirk.NO_KEYWORDS in self.link.quirks:
            return imap_names(flags & ~Flags.FORWARDED)
        return self.link.keywords.imap_names(flags)


def _told(call: Call) -> CopyUID | None:
    code = call.code("COPYUID")
    return code.args if code is not None and isinstance(code.args, CopyUID) else None

"""The one session of an account, and what was learned on it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mailsync.imap import Capabilities, Limits, Quirk, cmd, quirks
from mailsync.model.errors import Disconnected, Refused
from mailsync.model.ids import UIDValidity
from mailsync.model.keywords import Keywords
from mailsync.model.mailboxname import MailboxName
from mailsync.model.observation import Cursor
from mailsync.model.settings import Account, Security
from mailsync.server.calls import Call, Selection
from mailsync.server.login import Password, log_in
from mailsync.server.mailboxes import Names
from mailsync.server.past import Past
from mailsync.server.session import Session
from mailsync.server.transport import is_loopback
from mailsync.server.values import Ability, Traffic
from mailsync.system.seams import Net, Rand

log = logging.getLogger("mailsync.sync")

WORTH_COMPRESSING = 1 << 20  # bytes
_SHORTEST = 200  # bytes of a command line that are kept for all but the UID set
_ID = {"name": "mailsync", "vendor": "mailsync"}


class Link:
    """Not for two tasks at once: hold `session.busy()`."""

    def __init__(
        self,
        account: Account,
        net: Net,
        rand: Rand,
        password: Password,
        limits: Limits,
        past: Past,
    ) -> None:
        self._account, self._net, self._rand = account, net, rand
        self._password, self._past, self.limits = password, past, limits
        self._session: Session | None = None
        self._introduced = False
        self.traffic = Traffic()
        self.names = Names(rules=account.mailbox_names)
        self.refused: set[str] = set()  # extensions that were announced and do not work
        self.read_only = False
        self.listed: dict[MailboxName, Cursor | None] = {}
        self.append_limits: dict[MailboxName, int | None] = {}  # APPENDLIMIT by mailbox
        self.keywords = Keywords()  # of the account, by which flags have names
        self.told: dict[MailboxName, UIDValidity] = {}  # as observed

    @property
    def subscribed_only(self) -> bool:
        return self._account.subscribed_only

    @property
    def session(self) -> Session:
        if self._session is None:
            raise Disconnected("not connected")
        return self._session

    async def connect(self) -> None:
        await self.close()
        session = await log_in(
            self._account,
            self._net,
            self._rand,
            self._password,
            self.traffic,
            self.limits,
            self._past,
        )
        self._session, self._introduced = session, False
        if self._account.compress:
            await self.compress()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def compress(self) -> bool:
        """Only after login and TLS (reliability.md §4.6), in whose place a tunnel may be."""
        clear = self._account.security is Security.NONE and not self._account.tunnel
        if clear or not self.has("COMPRESS=DEFLATE"):
            return False
        async with self.session.busy():
            return await self.session.start_compress()

    async def compress_for(self, size: int) -> None:
        """Where the user leaves it to us: when `size` bytes or more come over a network.

        Between programs of one machine it only costs time.
        """
        worth = size >= WORTH_COMPRESSING and not is_loopback(self._account.host)
        if self._account.compress is None and worth:
            await self.compress()

    # -- what the server can do ----------------------------------------------------------------

    @property
    def seen(self) -> quirks.Seen:
        session = self.session
        return quirks.Seen(session.greeting_text, session.capabilities, session.id)

    @property
    def quirks(self) -> frozenset[Quirk]:
        return quirks.quirks(self.seen, self._account.quirks)

    def tell_quirks(self) -> None:
        """For -v, as soon as the server has said who it is."""
        if self.quirks:
            keys = ", ".join(sorted(quirk.key for quirk in self.quirks))
            log.info("%s: quirks of this server: %s", self._account.name, keys)

    @property
    def capabilities(self) -> Capabilities:
        return quirks.usable(self.session.capabilities, self.quirks)

    def has(self, atom: str) -> bool:
        return self.capabilities.has(atom)

    @property
    def ability(self) -> Ability:
        found = self.quirks
        return Ability(quirks.usable(self.session.capabilities, found), found, self.refused)

    @property
    def line(self) -> int:
        """Bytes that a UID set may have."""
        return quirks.line_budget(self.quirks) - _SHORTEST

    def introduction(self) -> list[Call]:
        """What goes out once before anything else: who we are, and QRESYNC or CONDSTORE."""
        if self._introduced:
            return []
        self._introduced = True
        calls = [Call(cmd.id_(_ID))] if self.has("ID") else []
        if self.has("ENABLE") and self.has("QRESYNC"):
            calls.append(Call(cmd.enable("QRESYNC")))
        return calls

    async def introduce(self) -> None:
        await self.session.run(*self.introduction())

    # -- mailboxes -----------------------------------------------------------------------------

    def wire(self, box: MailboxName) -> bytes:
        try:
            return self.names.to_wire(box)
        except ValueError as error:
            raise Refused(
                f"{box}: the server cannot have such a name, rename the directory: {error}",
                code="CANNOT",
            ) from None

    def forget(self, box: MailboxName) -> None:
        """The mailbox is gone under this name."""
        self.names.wire.pop(box, None)
        self.told.pop(box, None)
        self.listed.pop(box, None)

    def is_selected(self, box: MailboxName) -> bool:
        selected = self.session.selected
        return selected is not None and selected.wire_name == self.wire(box)

    async def refresh(self, box: MailboxName, *, appended: bool = False) -> None:
        """See a selected mailbox as it is now.  The NOOP is answered first: Dovecot puts off what
        it is for while more commands wait.

        `appended`: to find what we put there a moment ago.  Without UIDPLUS it is selected anew for
        that, as imap4d sees nothing new within the second that it looked last.  Where NOOP is
        refused, which shows nothing, the same."""
        if self.is_selected(box):
            look = Call(cmd.noop())
            if not (appended and not self.has("UIDPLUS")):
                await self.session.run(look)
            if not look.succeeded:
                self.session.selected = None

    def select(self, box: MailboxName, writable: bool = False) -> Call | None:
        """None: it is selected already."""
        selected, wire = self.session.selected, self.wire(box)
        there = selected is not None and selected.wire_name == wire and not selected.renumbered
        if there and selected is not None and not (writable and selected.examined):
            return None
        command = cmd.select(wire, self.read_only, condstore=self.ability.has("CONDSTORE"))
        return Call(command, selects=Selection(wire, examined=self.read_only))

    def check(
        self, box: MailboxName, select: Call | None, expected: UIDValidity | None
    ) -> Selection:
        """The selection, if the UIDs still mean what they did."""
        if select is not None:
            self.session.require(select, f"to select {box}")
        selection = self.session.selected
        if selection is None:
            raise Disconnected("the server deselected the mailbox")
        wanted = self._meant(box) if expected is None else expected
        other = wanted is not None and selection.uid_validity != wanted
        if selection.uid_validity is None or selection.renumbered or other:
            raise Refused(f"{box} has a new UIDVALIDITY: its UIDs changed", code="UIDVALIDITY")
        return selection

    def _meant(self, box: MailboxName) -> UIDValidity | None:
        """What UIDs of ours mean: as observed, or as listed where nothing had changed."""
        listed = self.listed.get(box)
        return self.told.get(box, None if listed is None else listed.uid_validity)

    async def on(
        self,
        box: MailboxName,
        calls: Sequence[Call],
        what: str,
        uid_validity: UIDValidity | None = None,
        *,
        change: bool = False,
        judge: bool = True,
    ) -> Selection:
        """Run `calls` on a mailbox; the first refusal is raised, unless the caller is to `judge`
        them itself (False).

        A SELECT goes out in the same write, but one that leads to a `change` is answered first:
        with another UIDVALIDITY the command would hit other messages.
        """
        session = self.session
        select = self.select(box, writable=change)
        first = [*self.introduction(), select] if select is not None else []
        if change and select is not None:
            await session.run(*first)
            self.check(box, select, uid_validity)
            first = []
        if change:
            self.check(box, None, uid_validity)
        await session.run(*first, *calls)
        selection = self.check(box, select, uid_validity)
        for call in calls if judge else ():
            session.require(call, f"{what} in {box}")
        return selection

"""What must hold, spoken in ghosts: messages as the user made them (reliability.md §5.2).

Every message of the simulator carries `X-Ghost: <id>`; copies made by mailsync inherit it.  The
world tells the oracle of births and of deletions and moves by users; the oracle tells of harm.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mailsync.model.report import AccountReport
from sim.fs import SimFs
from sim.letters import info_letters, letters_of, shown_words, words_of
from sim.places import Places
from sim.server import SimServer
from sim.server_state import ghost_of

MOST_ALTERED = 4  # times that a message may have gone through a server that alters it
View = Counter[tuple[str, str]]  # (ghost, flag letters)


class Violation(AssertionError):
    """An invariant was broken; the text names it."""


def body_of(ghost: str, size: int = 0) -> bytes:
    """A message with LF line ends, as a mail reader saves it.  One whose name ends with `~` has no
    Message-ID; all whose names end with `=` have the same."""
    ident = "all" if ghost.endswith("=") else ghost
    message_id = "" if ghost.endswith("~") else f"Message-ID: <{ident}@sim.example>\n"
    head = f"From: a@x.example\nSubject: {ghost}\n{message_id}"
    return f"{head}X-Ghost: {ghost}\n\nBody of {ghost}\n{'y' * size}\n".encode()


@dataclass
class Oracle:
    """`copies[ghost]`: how many copies the users made and did not delete, over all mailboxes."""

    places: Places  # in the Maildir
    undo: str
    alter: Callable[[bytes], bytes] = lambda body: body  # what the server makes of an APPEND
    bodies: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)  # by a user, anywhere
    expunged: set[str] = field(default_factory=set)  # on the server, while its file was here

    def born(self, ghost: str, body: bytes) -> None:
        self.bodies[ghost] = body.replace(b"\r\n", b"\n")

    # -- reading the world ---------------------------------------------------------------------

    def server_views(self, server: SimServer) -> dict[str, View]:
        views: dict[str, View] = {}
        for name, box in server.boxes.items():
            if not box.selectable:
                continue
            views[name.decode()] = Counter(
                (self._called(message.ghost, message.body), letters_of(message.flags))
                for message in box.messages.values()
            )
        return views

    def local_views(
        self, files: dict[str, bytes], kept: dict[tuple[str, str], str] | None = None
    ) -> dict[str, View]:
        """`kept`: keywords that a name does not show, by mailbox and unique name."""
        views: defaultdict[str, View] = defaultdict(Counter)
        seen: set[tuple[str, str, bytes]] = set()
        # The same bytes under the same unique name are one message, whatever a power cut in a
        # rename left behind; the first name counts (reliability.md §3.4).
        for path, data in sorted(files.items()):
            place = self.places.message(path)
            if place is None:
                continue
            mailbox, name = place
            message = (mailbox, name.partition(":")[0], data)
            if message not in seen:
                seen.add(message)
                table = words_of(files.get(f"{self.directory(mailbox)}/dovecot-keywords", b""))
                found = info_letters(name) + shown_words(name, table)
                found += (kept or {}).get(message[:2], "")
                views[mailbox][self._called(ghost_of(data), data), "".join(sorted(set(found)))] += 1
        return dict(views)

    def _called(self, ghost: str | None, data: bytes) -> str:
        """A copy that has not its very bytes is not taken for it."""
        if ghost is None or (birth := self.bodies.get(ghost)) is None:
            return ghost or "?"
        data, made = data.replace(b"\r\n", b"\n"), birth
        for _ in range(MOST_ALTERED):
            if data == made:
                return ghost
            made = self.alter(made)
        return f"{ghost} with other bytes"

    def directory(self, mailbox: str) -> str:
        return self.places.directory(mailbox)

    # -- I1: at every instant, and in every state after a crash ---------------------------------

    def no_loss(self, server: SimServer, fs: SimFs, when: str) -> None:
        """Every ghost that no user deleted has a copy with its very bytes."""
        lost = self.bodies.keys() - self.deleted - self.kept(server, fs)
        if lost:
            raise Violation(f"I1 no loss: {sorted(lost)} {when}")

    def kept(self, server: SimServer | None, *disks: SimFs, undo: str = "") -> set[str]:
        """The ghosts of which a copy with its very bytes is durable: on the server, in a Maildir
        or below `undo`."""
        kept: set[str] = set()
        if server is not None:
            for box in server.boxes.values():
                for message in box.messages.values():
                    self._sound(message.ghost, message.body, kept)
        for fs in disks:
            for path, data in fs.files(durable=True).items():
                if self.places.message(path) or (undo and path.startswith(f"{undo}/")):
                    self._sound(ghost_of(data), data, kept)
        return kept

    def _sound(self, ghost: str | None, data: bytes, kept: set[str]) -> None:
        if ghost is None or ghost in kept:
            return
        birth, data = self.bodies.get(ghost), data.replace(b"\r\n", b"\n")
        if birth is not None and (data == birth or data == self.alter(birth)):
            kept.add(ghost)

    def undoable(self, fs: SimFs, when: str) -> None:
        """I21: a file that mailsync removed for a user lies in undo/, byte for byte."""
        lost = self.expunged - self.kept(None, fs, undo=self.undo)
        if lost:
            raise Violation(f"I21 undo: {sorted(lost)} {when}")

    # -- at rest -------------------------------------------------------------------------------

    def at_rest(
        self,
        server: SimServer,
        fs: SimFs,
        expected: dict[str, View],
        when: str,
        here: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """I2, I3, I4: both sides hold what the scenario says, and nothing else; `here`: what
        mailboxes are called in the Maildir, where that is another name."""
        served = {name: view for name, view in self.server_views(server).items() if view}
        local = {name: view for name, view in self.local_views(fs.files()).items() if view}
        for side, views in (("server", served), ("Maildir", local)):
            wanted = {name: view for name, view in expected.items() if view}
            if side == "Maildir":
                wanted = {here.get(name, name): view for name, view in wanted.items()}
            if views != wanted:
                raise Violation(
                    f"{when}: the {side} holds {_shown(views)}, expected {_shown(wanted)}"
                )


def _shown(views: dict[str, View]) -> str:
    return "; ".join(
        f"{name}: " + " ".join(f"{g}[{f}]×{n}" for (g, f), n in sorted(view.items()))
        for name, view in sorted(views.items())
    )


def told(report: AccountReport) -> bool:
    """Whether it says why it was not well."""
    counts = report.total()
    notices = any(box.notices for box in report.mailboxes)
    return bool(report.errors or notices or counts.failed or counts.parked or counts.held)

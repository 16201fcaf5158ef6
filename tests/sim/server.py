"""SimServer: an IMAP server in memory, written apart from the client's parser.

Sessions execute commands one by one, strictly; another client's hands are `State`'s methods,
also reachable here.  What a client should never send is answered BAD and kept in `violations`.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

from . import server_basic as basic
from . import server_change as change
from . import server_fetch as fetching
from . import server_mailboxes as mailboxes
from . import server_search as searching
from . import server_select as selecting
from .liar import Liar
from .loop import Time, VirtualLoop
from .rand import SimRand
from .server_connection import Connection
from .server_faults import CHANGING, Answer, Executed, Fault
from .server_framing import Wanted
from .server_grammar import Scan
from .server_profile import Profile
from .server_session import Handler, Session
from .server_state import Box, Message, State, wire
from .witness import Witness

Pick: TypeAlias = Callable[[int], tuple[int, float]]
"""From the number of complete commands that a lost connection left behind, to how many of them
run and after how many seconds."""

COMMANDS: dict[str, tuple[str, str, Handler]] = {  # name: state, switch of the profile, handler
    "CAPABILITY": ("any", "", basic.capability),
    "NOOP": ("any", "", basic.noop),
    "LOGOUT": ("any", "", basic.logout),
    "ID": ("any", "id", basic.identify),
    "STARTTLS": ("fresh", "", basic.starttls),
    "LOGIN": ("fresh", "", basic.login),
    "AUTHENTICATE": ("fresh", "", basic.authenticate),
    "ENABLE": ("auth", "enable", basic.enable),
    "NAMESPACE": ("auth", "namespace", basic.namespace),
    "COMPRESS": ("auth", "compress", basic.compress),
    "IDLE": ("auth", "idle", basic.idle),
    "LIST": ("auth", "", mailboxes.listing),
    "LSUB": ("auth", "", mailboxes.lsub),
    "STATUS": ("auth", "", mailboxes.status),
    "CREATE": ("auth", "", mailboxes.create),
    "DELETE": ("auth", "", mailboxes.delete),
    "RENAME": ("auth", "", mailboxes.rename),
    "SUBSCRIBE": ("auth", "", mailboxes.subscribe),
    "UNSUBSCRIBE": ("auth", "", mailboxes.unsubscribe),
    "SELECT": ("auth", "", selecting.select),
    "EXAMINE": ("auth", "", selecting.examine),
    "APPEND": ("auth", "", change.append),
    "CHECK": ("selected", "", basic.noop),
    "CLOSE": ("selected", "", selecting.close),
    "UNSELECT": ("selected", "unselect", selecting.unselect),
    "EXPUNGE": ("selected", "", change.expunge),
    "UID EXPUNGE": ("selected", "uidplus", change.uid_expunge),
    "FETCH": ("selected", "", fetching.fetch),
    "UID FETCH": ("selected", "", fetching.uid_fetch),
    "SEARCH": ("selected", "", searching.search),
    "UID SEARCH": ("selected", "", searching.uid_search),
    "STORE": ("selected", "", change.store),
    "UID STORE": ("selected", "", change.uid_store),
    "COPY": ("selected", "", change.copy),
    "UID COPY": ("selected", "", change.uid_copy),
    "MOVE": ("selected", "move", change.move),
    "UID MOVE": ("selected", "move", change.uid_move),
}


class SimServer:
    """`strict` False allows STORE, COPY and MOVE by sequence numbers (for dialogues of RFCs).

    Keyed by `(mailbox, uid)`: `nil_bodies` (BODY… NIL), `missing_bodies` (no FETCH line when a
    body is asked for, yet OK), `refuse_store` (the others of the set are stored, tagged NO).
    """

    commands = COMMANDS

    def __init__(
        self,
        profile: Profile | None = None,
        rand: SimRand | None = None,
        *,
        time: Time | None = None,
        epoch: float = 1_790_000_000.0,
    ) -> None:
        self.profile = profile or Profile()
        self.rand = rand or SimRand("server")
        self.time = time or Time()
        self.epoch = epoch - self.time.now
        self.began = epoch
        self.strict = True
        self.greeting = self.profile.greeting
        self.greeting_fault: bytes | None = None  # said instead, then the connection closes
        self.down = False  # connections are refused
        self.lie: Liar | None = None  # what becomes of true answers
        self.password = "secret"  # of every user who is not in `users`
        self.users: dict[str, str] = {}
        self.failed_logins = 0
        self.violations: list[str] = []
        self.executed: list[Executed] = []
        self.faults: list[Fault] = []
        self.nil_bodies: set[tuple[bytes, int]] = set()
        self.missing_bodies: set[tuple[bytes, int]] = set()
        self.refuse_store: set[tuple[bytes, int]] = set()
        self.bodies_sent = 0
        self.bodies_stored = 0
        self.quota: int | None = None  # bytes, of all bodies
        self.pause = 0.02  # the server takes up to so many seconds for a command
        self.connections: list[Connection] = []
        self.state = State(self.profile.delimiter, self.profile.vanished_log, self.wall)
        self.state.changed = self._changed
        self.acting: Session | None = None  # whose command runs; None: another client's hands
        self.witness = Witness(by_copy=not self.profile.move)
        self.state.removing = lambda *what: self.witness.removed(self, *what)
        self.state.renaming = lambda *names: self.witness.box_renamed(self, *names)
        self.state.flagged = self.witness.flags_set
        self._count = 0
        self._pick: Pick = self._any_prefix
        self._lost: list[tuple[float, Session]] = []
        self._buried: list[tuple[float, int, Session, int]] = []
        self.deliver = self.state.deliver
        self.set_flags = self.state.set_flags
        self.expunge = self.state.expunge
        self.copy = self.state.copy
        self.move = self.state.move
        self.create = self.state.create
        self.rename = self.state.rename
        self.delete = self.state.delete
        self.new_uidvalidity = self.state.new_uidvalidity
        self.box = self.state.box
        self.boxes = self.state.boxes
        self.contents = self.state.contents

    def wall(self) -> float:
        return self.epoch + self.time.now

    def uptime(self) -> float:
        """Seconds by a clock that nobody sets, over all runs: what the boot clocks are made of."""
        return self.wall() - self.began + 1000.0

    def messages(self, mailbox: str | bytes) -> list[Message]:
        return list(self.state.contents(mailbox))

    def delay(self) -> float:
        return self.rand.fraction() * self.pause

    # -- connections ---------------------------------------------------------------------------

    def accept(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> Connection:
        self._count += 1
        connection = Connection(self, self._count, send, hang_up)
        self.connections.append(connection)
        return connection

    def session(self) -> Session:
        """A session without a connection, for dialogues without time."""
        self._count += 1
        return Session(self, self._count)

    def forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)

    def _changed(self, box: Box) -> None:
        for connection in list(self.connections):
            view = connection.session.view
            if view is not None and view.box is box:
                connection.push()

    # -- what runs after the client is gone ----------------------------------------------------

    def zombie(self, pick: Pick | SimRand) -> None:
        """Decide what lost connections still do, now and later ones; a delay beyond 30 s makes a
        late twin.  With a SimRand: any prefix, any time within 30 seconds of the loss."""
        if isinstance(pick, SimRand):
            rand = pick
            self._pick = lambda complete: (rand.below(complete + 1), rand.fraction() * 30)
        else:
            self._pick = pick
        self._decide()

    def _any_prefix(self, complete: int) -> tuple[int, float]:
        return self.rand.below(complete + 1), self.rand.fraction() * 30

    def bury(self, session: Session) -> None:
        """A connection was lost; `zombie` may still say what becomes of what it had sent."""
        if not session.closed and not session.stalled and session.framer.buffer:
            self._lost.append((self.time.now, session))

    def _decide(self) -> None:
        lost, self._lost = self._lost, []
        for when, session in lost:
            count, delay = self._pick(session.framer.count())
            if count > 0:
                self._count += 1
                heapq.heappush(self._buried, (when + delay, self._count, session, count))

    def attach(self) -> None:
        """Go on in the virtual time of the loop that runs now; between runs no time passes but
        what is added to `time.now`."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if isinstance(loop, VirtualLoop) and loop.clock is not self.time:
            shift = loop.clock.now - self.time.now
            self.epoch -= shift
            self._buried = [(due + shift, n, who, many) for due, n, who, many in self._buried]
            self._lost = [(when + shift, session) for when, session in self._lost]
            self.time = loop.clock

    def advance(self) -> None:
        """Run what is due; called before every command, so at the latest when it could matter."""
        self._unearth(self.time.now)

    def settle(self) -> None:
        """Let all that lost connections left behind happen now."""
        self._unearth(float("inf"))

    @property
    def haunted(self) -> bool:
        """Is something left that will still be executed?"""
        return bool(self._buried or self._lost)

    def _unearth(self, until: float) -> None:
        self._decide()
        while self._buried and self._buried[0][0] <= until:
            _, _, session, count = heapq.heappop(self._buried)
            for _ in range(count):
                if not session.run_one():
                    break
            session.drain()

    # -- faults and records --------------------------------------------------------------------

    def fault(
        self,
        command: str,
        answer: Answer,
        nth: int = 1,
        *,
        sticky: bool = False,
        early: bool = False,
        delay: float = 0.0,
        mailbox: str | bytes | None = None,
        text: bytes = b"",
    ) -> Fault:
        """The nth command of this name, counted from now, meets with `answer`; see `Fault`."""
        where = None if mailbox is None else wire(mailbox)
        fault = Fault(command, answer, nth, sticky, early, delay, where, text)
        self.faults.append(fault)
        return fault

    def next_fault(self, name: str, record: Executed) -> Fault | None:
        hits = [f for f in self.faults if not f.early and f.hits(name, record.mailbox, record.text)]
        return hits[0] if hits else None

    def early_refusal(self, mailbox: bytes) -> str | None:
        """Why an APPEND gets no continuation: the text of the NO."""
        for fault in self.faults:
            if fault.early and isinstance(fault.answer, str) and fault.hits("APPEND", mailbox):
                return fault.answer.removeprefix("NO ")
        return None

    def check_append(self, session: Session, scan: Scan, wanted: Wanted) -> None:
        change.check_append(self, session, scan, wanted)

    def counts(self, since: int = 0) -> Counter[str]:
        """Commands by name, from the record number `since` on."""
        return Counter(record.name for record in self.executed[since:])

    def changing(self, since: int = 0) -> list[Executed]:
        """The commands that change, or would: none in a second run."""
        return [record for record in self.executed[since:] if record.name in CHANGING]

    def ghosts(self, mailbox: str | bytes | None = None) -> Counter[str | None]:
        """How many copies of each ghost there are, in one mailbox or in all."""
        boxes: Iterable[Box] = self.state.boxes.values() if mailbox is None else [self.box(mailbox)]
        return Counter(message.ghost for box in boxes for message in box.messages.values())


def talk(session: Session, data: bytes) -> bytes:
    """Say `data` and hear what a session answers, without time."""
    session.feed(data)
    while session.run_one():
        pass
    return session.drain()

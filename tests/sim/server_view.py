"""What one session believes about its selected mailbox, and what it must be told next."""

from __future__ import annotations

from bisect import bisect_left

from .server_grammar import compact
from .server_state import Box, Message


class View:
    """`uids[n - 1]` is the message with sequence number n in this session."""

    def __init__(
        self,
        box: Box,
        read_only: bool,
        *,
        down: bool = False,
        late: bool = False,
        exists: bool = False,
    ) -> None:
        self.box = box
        self.down = down  # EXPUNGE from the highest down
        self.exists = exists  # EXISTS behind EXPUNGE
        self.kept = dict(box.messages)  # what the session knows of, expunged or not
        self.late: dict[int, set[str]] | None = {} if late else None  # flags as last told
        self._note_flags()
        self.read_only = read_only or box.read_only
        self.validity = box.uid_validity
        self.uids = list(box.messages)
        self.recent: set[int] = set()
        self.base = box.highest  # every change up to here was told, `told` has what is newer
        self.told: dict[int, int] = {}
        self._take_recent(self.uids)

    def stale(self) -> bool:
        """The mailbox is gone, or its UIDs are not the ones selected: the session must end."""
        return not self.box.selectable or self.box.uid_validity != self.validity

    def _take_recent(self, uids: list[int]) -> None:
        self.recent.update(uid for uid in uids if uid >= self.box.recent_from)
        if not self.read_only:
            self.box.recent_from = self.box.uid_next

    def seq(self, uid: int) -> int:
        """Raises ValueError for a UID that the session does not know."""
        at = bisect_left(self.uids, uid)
        if at == len(self.uids) or self.uids[at] != uid:
            raise ValueError(uid)
        return at + 1

    def flags(self, message: Message) -> str:
        own = ["\\Recent"] if message.uid in self.recent else []
        shown = message.flags if self.late is None else self.late.get(message.uid, message.flags)
        return f"({' '.join(sorted(shown) + own)})"

    def _note_flags(self) -> None:
        if self.late is not None:
            self.late = {uid: set(message.flags) for uid, message in self.kept.items()}

    def tell(self, uid: int) -> None:
        """The session knows this message's flags as they are now."""
        if (message := self.box.messages.get(uid)) is not None:
            self.told[uid] = message.modseq

    def news(self, *, expunges: bool, modseq: bool, uid: bool, vanished: bool) -> list[str]:
        """Untagged lines for what changed since; EXPUNGE only where it is allowed."""
        box = self.box
        lines: list[str] = []
        if expunges:
            lines += self._expunges(vanished)
            self.kept = dict(box.messages)
        self._note_flags()
        fewer = bool(lines) and self.exists and not vanished
        known = self.uids[-1] if self.uids else 0
        if box.highest != self.base:
            lines += self._flag_changes(modseq=modseq, uid=uid)
            fresh = [number for number in box.messages if number > known]
            self.kept.update((number, box.messages[number]) for number in fresh)
            self._note_flags()
            if fresh:
                self.uids += fresh
                self._take_recent(fresh)
                lines += [f"{len(self.uids)} EXISTS", f"{len(self.recent)} RECENT"]
                fewer = False
            self.base = box.highest
            self.told.clear()
        lines += [f"{len(self.uids)} EXISTS"] if fewer else []
        return lines

    def _expunges(self, vanished: bool) -> list[str]:
        gone = [uid for uid in self.uids if uid not in self.box.messages]
        if not gone:
            return []
        lines = [] if not vanished else [f"VANISHED {compact(gone)}"]
        for uid in reversed(gone) if self.down else gone:
            seq = self.seq(uid)
            if not vanished:
                lines.append(f"{seq} EXPUNGE")
            del self.uids[seq - 1]
            self.recent.discard(uid)
        return lines

    def _flag_changes(self, *, modseq: bool, uid: bool) -> list[str]:
        lines = []
        for seq, number in enumerate(self.uids, 1):
            message = self.box.messages.get(number)
            if message and message.modseq > max(self.base, self.told.get(number, 0)):
                items = [f"UID {number}"] if uid else []
                items += [f"MODSEQ ({message.modseq})"] if modseq else []
                lines.append(f"{seq} FETCH ({' '.join([*items, f'FLAGS {self.flags(message)}'])})")
        return lines

"""What a server says it can do (RFC 9051 §7.2.2)."""

from __future__ import annotations

from collections.abc import Iterable

from mailsync.imap.wire import LiteralMode

# What a server without IMAP4rev1 can do although it need not say so (RFC 9051 Appendix E).
_IN_REV2 = frozenset(
    {"NAMESPACE", "UNSELECT", "UIDPLUS", "ESEARCH", "SEARCHRES", "ENABLE", "IDLE", "SASL-IR"}
    | {"LIST-EXTENDED", "LIST-STATUS", "MOVE", "LITERAL-", "SPECIAL-USE", "STATUS=SIZE"}
)


class Capabilities:
    """The set of atoms in capitals, with what they imply."""

    __slots__ = ("atoms",)

    def __init__(self, atoms: Iterable[str] = ()) -> None:
        said = frozenset(atom.upper() for atom in atoms)
        if "QRESYNC" in said:
            said |= {"CONDSTORE"}  # RFC 7162 §3.2.3
        if "IMAP4REV2" in said and "IMAP4REV1" not in said:
            said |= _IN_REV2
        self.atoms = said

    def has(self, atom: str) -> bool:
        return atom.upper() in self.atoms

    def without(self, atoms: Iterable[str]) -> Capabilities:
        """The same less what a quirk or a BAD proved wrong."""
        made = Capabilities()
        made.atoms = self.atoms - {atom.upper() for atom in atoms}
        return made

    def _values(self, key: str) -> frozenset[str]:
        return frozenset(
            value
            for name, eq, value in (atom.partition("=") for atom in self.atoms)
            if eq and name == key
        )

    @property
    def auth_mechanisms(self) -> frozenset[str]:
        """SASL mechanisms in capitals."""
        return self._values("AUTH")

    @property
    def append_limit(self) -> int | None:
        """Bytes; None: not said, or said per mailbox (RFC 7889)."""
        numbers = [int(value) for value in self._values("APPENDLIMIT") if _is_number(value)]
        return min(numbers, default=None)

    @property
    def literal(self) -> LiteralMode:
        """RFC 7888."""
        if self.has("LITERAL+"):
            return "plus"
        return "minus" if self.has("LITERAL-") else "none"

    @property
    def has_email_id(self) -> bool:
        """EMAILID may be asked for (RFC 8474)."""
        return self.has("OBJECTID")

    @property
    def is_gmail(self) -> bool:
        """X-GM-MSGID may be asked for."""
        return self.has("X-GM-EXT-1")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20

"""Tags that nobody can guess, and which of them the server may still answer."""

from __future__ import annotations

from collections.abc import Callable

from mailsync.imap.limits import ProtocolError


class Tags:
    """`next()` gives a tag never given before: six random letters and a running number.

    `bits(n)` must give n random bits (`Rand.bits`).
    """

    def __init__(self, bits: Callable[[int], int]) -> None:
        self._bits = bits
        self._count = 0

    def next(self) -> str:
        self._count += 1
        rest = self._bits(32)
        letters = ""
        for _ in range(6):
            rest, digit = divmod(rest, 26)
            letters += chr(ord("A") + digit)
        return f"{letters}{self._count}"


class Pending:
    """The tags that were sent and not yet answered, oldest first."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._names)

    def sent(self, tag: str, name: str) -> None:
        """Before the first byte of the command `name` is written."""
        assert tag not in self._names, "a tag is used once"
        self._names[tag] = name

    def answered(self, tag: str) -> str:
        """The command's name.  Raises ProtocolError for a tag never sent or already answered."""
        try:
            return self._names.pop(tag)
        except KeyError:
            raise ProtocolError("the server answered a command that was not sent") from None

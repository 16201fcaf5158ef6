"""Lines that may be longer than a line: UID sets, read into ranges while they come.

A line of up to `Limits.line` is parsed whole; a longer one, whatever the chunks, comes here, gives
up its sets as `Ranges` and ends as a short list of words.  Both ways give the same events.
"""

from __future__ import annotations

import re

from mailsync.imap.limits import KIB, Limits, ProtocolError
from mailsync.imap.sets import Ranges

TOO_LONG = "the server sent a line that is too long"
HELD = KIB  # bytes of a word that may be kept unread

_MAY_BE_LONG = re.compile(
    rb"\* +(?:(SEARCH) |(?:ESEARCH|VANISHED) )"
    rb"|(?:[^ \[]{1,64} +(?:(?:OK|NO) +)?)?\[(?:COPYUID|MODIFIED|APPENDUID) ",
    re.I,
)
_SET = re.compile(rb"[0-9:*,]*")

Word = bytes | Ranges


def of(start: bytes, limits: Limits) -> tuple[LongLine, int] | None:
    """For a line that begins with `start`: its reader, and how many bytes not to feed to it;
    None: such a line must not be long."""
    found = _MAY_BE_LONG.match(start)
    if found is None:
        return None
    if found[1]:
        return SearchLine(limits), found.end()
    return LongLine(limits), 0


class LongLine:
    """Words are parted by spaces; a word that grows over `HELD` must be a set."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._words: list[Word] = []
        self._word = bytearray()
        self._ranges: Ranges | None = None
        self._ended = False  # of the word, the set part is over
        self._seen = self._plain = 0

    def feed(self, data: bytes) -> None:
        self._seen += len(data)
        if self._seen > self._limits.set_line:
            raise ProtocolError(TOO_LONG)
        self._take(data)

    def finish(self) -> list[Word]:
        """The words in order, after the last `feed`; a closing CR is not among them."""
        if self._word.endswith(b"\r"):
            del self._word[-1:]
        self._end_word()
        return self._words

    def _take(self, data: bytes) -> None:
        for number, piece in enumerate(data.split(b" ")):
            if number:
                self._end_word()
            self._word += piece
            if len(self._word) > HELD:
                self._spill()

    def _spill(self) -> None:
        """Give up what is a set for sure.  Where the set has ended, `]` say, the rest is plain:
        it is told apart here and at the end of the word alike, whatever the chunks were."""
        end = 0 if self._ended else _set_end(self._word)
        if end == len(self._word):
            self._ranges = self._ranges or Ranges(self._limits.ranges)
            self._ranges.add(_cut(self._word, b",").split(b","))
            return
        if not self._ended and (end or self._ranges is not None):
            self._end_set(end)
        if len(self._word) > HELD:
            raise ProtocolError(TOO_LONG)

    def _end_set(self, end: int) -> None:
        self._ranges = self._ranges or Ranges(self._limits.ranges)
        self._ranges.add(bytes(self._word[:end]).split(b","))
        del self._word[:end]
        self._ended = True

    def _end_word(self) -> None:
        if self._ranges is not None:
            if not self._ended:
                self._end_set(_set_end(self._word))
            self._words.append(self._ranges)
            self._ranges, self._ended = None, False
        word = bytes(self._word)
        self._word.clear()
        if word:
            self._plain += len(word)
            if self._plain > self._limits.line:
                raise ProtocolError(TOO_LONG)
            self._words.append(word)


class SearchLine(LongLine):
    """`1 2 3 (MODSEQ 4)`, after `* SEARCH`: one set parted by spaces, up to the parenthesis."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._set = Ranges(limits.ranges)
        self._tail = b""

    def finish(self) -> list[Word]:
        self._set.add(_numbers(bytes(self._word).removesuffix(b"\r")))
        return [b"* SEARCH", self._set, self._tail.rstrip(b"\r")]

    def _take(self, data: bytes) -> None:
        if self._tail:
            self._tail += data
        else:
            numbers, paren, tail = data.partition(b"(")
            self._word += numbers
            self._tail = paren + tail
        if len(self._tail) > HELD:
            raise ProtocolError(TOO_LONG)
        if len(self._word) > HELD:
            self._set.add(_numbers(_cut(self._word, b" ")))


def _set_end(word: bytearray) -> int:
    """Where the set at the beginning of a word ends."""
    found = _SET.match(word)
    return 0 if found is None else found.end()


def _numbers(text: bytes) -> list[bytes]:
    return [one for one in text.split(b" ") if one]


def _cut(word: bytearray, separator: bytes) -> bytes:
    """Takes what stands before the last separator off `word`.  No number is so long that it would
    have to be held beyond `HELD`, however it comes."""
    cut = word.rfind(separator)
    if cut < 0 or len(word) - cut - 1 > HELD:
        raise ProtocolError(TOO_LONG)
    whole = bytes(word[:cut])
    del word[: cut + 1]
    return whole

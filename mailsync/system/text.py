"""Foreign text made fit to print: nothing of it can steer a terminal (reliability.md §4.4)."""

from __future__ import annotations

import re

LONGEST = 500  # characters

# C0, DEL, C1; soft hyphen, invisible and bidi characters, fillers, tags; bytes that are not UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def safe(text: str | bytes) -> str:
    """`text` with every unsafe character as an escape such as `\\x1b`, at most 500 characters."""
    if isinstance(text, bytes):
        text = text[: LONGEST * 4].decode("utf-8", "surrogateescape")
    shown = _UNSAFE.sub(lambda found: _escape(ord(found[0])), text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

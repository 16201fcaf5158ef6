"""Modified UTF-7 (RFC 3501 §5.1.3), and the components of names that are not in it.

A component whose bytes are not its canonical form becomes U+DCFF and the raw bytes, which
`mailboxname` writes as `%FF…`: so each one comes back byte for byte.
"""

from __future__ import annotations

import base64
import re

RAW = "\udcff"

_OTHER = re.compile("&|[^ -~]+")
_SHIFTED = re.compile("&([A-Za-z0-9+,]*)-")


def encode(text: str) -> bytes:
    """Modified UTF-7, canonical; raises ValueError for lone surrogates."""
    return _OTHER.sub(_shifted, text).encode("ascii")


def decode(wire: bytes) -> str | None:
    """The inverse of `encode`; None for what it never makes."""
    try:
        text = _SHIFTED.sub(_unshifted, wire.decode("ascii"))
        return text if encode(text) == wire else None
    except ValueError:
        return None


def _shifted(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    coded = base64.b64encode(found[0].encode("utf-16-be"), b"+,").rstrip(b"=")
    return f"&{coded.decode('ascii')}-"


def _unshifted(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    padding = "=" * (-len(found[1]) % 4)
    return base64.b64decode(found[1] + padding, b"+,").decode("utf-16-be")


def from_wire(wire: bytes) -> str:
    """The text of one component, whatever its bytes are."""
    text = decode(wire)
    return RAW + wire.decode("utf-8", "surrogateescape") if text is None else text


def to_wire(component: str) -> bytes:
    """The inverse of `from_wire`; raises ValueError for what it never makes."""
    if not component.startswith(RAW):
        return encode(component)
    wire = component[1:].encode("utf-8", "surrogateescape")
    if decode(wire) is not None:
        raise ValueError("raw bytes that need not be raw")
    return wire

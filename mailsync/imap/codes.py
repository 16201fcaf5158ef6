"""Response codes: what stands in brackets in a status response (RFC 9051 §7.1, RFC 5530)."""

from __future__ import annotations

from dataclasses import dataclass

from mailsync.model.ids import UID, UIDValidity
from mailsync.model.uidset import UIDSet


@dataclass(frozen=True, slots=True)
class AppendUID:
    """APPENDUID (RFC 4315 §3): the UIDs in the order of the appended messages."""

    uid_validity: UIDValidity
    uids: tuple[UID, ...]


@dataclass(frozen=True, slots=True)
class CopyUID:
    """COPYUID (RFC 4315 §3): `source[i]` became `target[i]`; both have the same length."""

    uid_validity: UIDValidity
    source: tuple[UID, ...]
    target: tuple[UID, ...]


CodeArgs = None | int | str | frozenset[str] | UIDSet | AppendUID | CopyUID


@dataclass(frozen=True, slots=True)
class Code:
    """`name` in capitals.  `args` is None where there are none or they make no sense, else

    - APPENDUID: `AppendUID`; COPYUID: `CopyUID`;
    - UIDNEXT, UIDVALIDITY, HIGHESTMODSEQ, UNSEEN, APPENDLIMIT: an int ≥ 1 (APPENDLIMIT ≥ 0);
    - PERMANENTFLAGS: the flags as sent, with `\\*`; CAPABILITY: atoms in capitals;
      BADCHARSET: charsets in capitals;
    - MODIFIED: `UIDSet` (the numbers of the command: UIDs for UID STORE, RFC 7162 §3.1.3);
    - MAILBOXID: the id (RFC 8474 §4.1);
    - any other: the text as sent.
    """

    name: str
    args: CodeArgs = None

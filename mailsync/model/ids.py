"""Distinct types for the numbers and names that must never be mixed up."""

from typing import NewType

UID = NewType("UID", int)
"""A message's number in one mailbox under one UIDVALIDITY, 1 … 2^32-1 (RFC 9051 §2.3.1.1)."""

UIDValidity = NewType("UIDValidity", int)
"""Changes when all UIDs of a mailbox lose their meaning, 1 … 2^32-1 (RFC 9051 §2.3.1.1)."""

SeqNum = NewType("SeqNum", int)
"""Position in the mailbox right now; only `mailsync.imap` may speak of it, nobody stores it."""

ModSeq = NewType("ModSeq", int)
"""Rises with each change of a message's metadata, 1 … 2^63-1 (RFC 7162 §3.1)."""

UniqueName = NewType("UniqueName", str)
"""The part of a Maildir file name that never changes: all before the info (`:2,…`)."""

RowId = NewType("RowId", int)
"""The cache's number of one message row."""

MailboxId = NewType("MailboxId", int)
"""The cache's number of one mailbox (not the server's MAILBOXID, which is a string)."""

IntentId = NewType("IntentId", int)
"""The cache's number of one intent."""

UID_MAX = UID(0xFFFF_FFFF)

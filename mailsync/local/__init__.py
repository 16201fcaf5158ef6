"""The local side: a tree of Maildirs.  It knows file names and disks, nothing of IMAP."""

from mailsync.local.deliver import Delivery
from mailsync.local.listing import Listing
from mailsync.local.maildir import Maildir
from mailsync.local.marker import Marker
from mailsync.local.names import flags_of, fresh_name, origin, own_name, split_name, with_flags
from mailsync.local.parcel import Delivered, Message
from mailsync.local.recall import Note
from mailsync.local.stream import Pending

__all__ = [
    "Delivered",
    "Delivery",
    "Listing",
    "Maildir",
    "Marker",
    "Message",
    "Note",
    "Pending",
    "flags_of",
    "fresh_name",
    "origin",
    "own_name",
    "split_name",
    "with_flags",
]

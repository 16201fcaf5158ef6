"""The local side: a tree of Maildirs.  It knows file names and disks, nothing of IMAP."""

from mailsync.local.deliver import Delivered, Delivery, Message, Pending
from mailsync.local.maildir import Listing, Maildir
from mailsync.local.marker import Marker
from mailsync.local.names import flags_of, fresh_name, origin, own_name, split_name, with_flags

__all__ = [
    "Delivered",
    "Delivery",
    "Listing",
    "Maildir",
    "Marker",
    "Message",
    "Pending",
    "flags_of",
    "fresh_name",
    "origin",
    "own_name",
    "split_name",
    "with_flags",
]

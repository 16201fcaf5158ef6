"""How far an error reaches, what helps, and the exit status it leads to (semantics.md, rule 11)."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    OK = 0
    FAILED = 1  # some items failed or are parked
    CONFIG = 2
    HELD = 3
    SERVER = 4  # the server broke the protocol
    TEMPORARY = 75
    AUTH = 77
    SIGINT = 130
    SIGPIPE = 141  # whoever read the output has gone
    SIGTERM = 143


# Several at once: the first that occurred in this order (semantics.md, rule 11).
EXIT_ORDER = (
    Exit.SIGINT,
    Exit.SIGTERM,
    Exit.SIGPIPE,
    Exit.AUTH,
    Exit.CONFIG,
    Exit.HELD,
    Exit.SERVER,
    Exit.FAILED,
    Exit.TEMPORARY,
)


def worst(found: set[Exit]) -> Exit:
    """The one status that speaks for all of `found`."""
    return next((status for status in EXIT_ORDER if status in found), Exit.OK)


class Reach(enum.Enum):
    MESSAGE = "message"
    MAILBOX = "mailbox"
    ACCOUNT = "account"


class Help(enum.Enum):
    RETRY = "temporary"  # the same again, soon
    WAIT = "wait"  # not before some time has passed: throttled, full, busy
    ASK = "final"  # only a person, or another configuration, helps


class MailsyncError(Exception):
    """Every error that a room lets out.  `str()` is one line for a person, already safe to print.

    `retry_after` is in seconds, where the server said so itself.
    """

    exit = Exit.FAILED
    reach = Reach.ACCOUNT
    help = Help.ASK

    def __init__(
        self,
        text: str,
        *,
        reach: Reach | None = None,
        help: Help | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        if reach is not None:
            self.reach = reach
        if help is not None:
            self.help = help
        self.retry_after = retry_after


class ConfigError(MailsyncError):
    """The configuration is wrong; the text names file, line and key."""

    exit = Exit.CONFIG


class AuthError(MailsyncError):
    """The server refused the password, or none could be had.  Never retried."""

    exit = Exit.AUTH


class Disconnected(MailsyncError):
    """The connection is gone or stalled; whatever was in flight has an unknown outcome."""

    exit = Exit.TEMPORARY
    help = Help.RETRY


class Unavailable(MailsyncError):
    """The server says: later (UNAVAILABLE, LIMIT, INUSE, THROTTLED, overloaded)."""

    exit = Exit.TEMPORARY
    help = Help.WAIT


class SlowDown(Unavailable):
    """The account asks too much of the server (THROTTLED, rate limit): it is to be left alone for
    a while, also by later runs."""


class Locked(MailsyncError):
    """Another mailsync is at work on this account."""

    exit = Exit.TEMPORARY
    help = Help.WAIT


class Changed(MailsyncError):
    """What was to be decided is not what was shown any more; nothing was decided."""

    exit = Exit.TEMPORARY


class InsecureError(MailsyncError):
    """TLS failed or would be left out; nothing secret was sent."""

    exit = Exit.TEMPORARY


class ServerDefect(MailsyncError):
    """The server broke the protocol; the connection is closed at once."""

    exit = Exit.SERVER
    help = Help.RETRY


class Refused(MailsyncError):
    """A tagged NO or BAD.  `code` is the response code's atom in capitals, or "" (RFC 5530)."""

    reach = Reach.MAILBOX

    def __init__(
        self,
        text: str,
        *,
        code: str = "",
        bad: bool = False,
        reach: Reach | None = None,
        help: Help | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text, reach=reach, help=help, retry_after=retry_after)
        self.code = code
        self.bad = bad


class Throttled(Refused, SlowDown):
    """A tagged NO that asks the whole account to slow down.  It was answered: nothing was done."""

    exit = Exit.TEMPORARY
    reach = Reach.ACCOUNT
    help = Help.WAIT


class StorageError(MailsyncError):
    """The local disk refused: full, read-only, no permission, I/O error."""

    exit = Exit.TEMPORARY
    help = Help.WAIT


class CacheError(MailsyncError):
    """The cache cannot be used as it is (newer schema, foreign file)."""

    exit = Exit.CONFIG


class NotOurs(MailsyncError):
    """The Maildir is not proven to be this cache's: nothing is written on either side."""

    exit = Exit.HELD

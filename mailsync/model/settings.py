"""Settings as the rooms use them; `config` makes them from the file and checks them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from mailsync.model.layout import Layout
from mailsync.model.naming import AS_THEY_ARE, NameRules


class Security(enum.StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Direction(enum.StrEnum):
    BOTH = "both"
    PULL = "pull"  # the server is never changed
    PUSH = "push"  # the Maildir is never changed


class Deletions(enum.StrEnum):
    TRASH = "trash"
    EXPUNGE = "expunge"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Guard:
    """A share from 0 to 1 of a mailbox that may go within an hour; None: off."""

    share: float | None = 0.25
    floor: int = 25  # messages; never less than this


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for the messages of one mailbox.  `max_size` in bytes, `max_age` in days; None:
    without limit."""

    direction: Direction = Direction.BOTH
    deletions: Deletions = Deletions.TRASH
    max_size: int | None = None
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """What the configuration says otherwise of the mailboxes that `pattern` matches: of `rules`
    the fields that are `given`."""

    pattern: str
    rules: Rules
    given: frozenset[str]


@dataclass(frozen=True, slots=True)
class Secret:
    """Where the password or token comes from; at most one is set; none: ask on a terminal.

    `token_command` gives an OAuth access token, all others a password.  `credential` is the name
    of one of systemd's, `keyring` service and user there.
    """

    command: tuple[str, ...] = ()
    token_command: tuple[str, ...] = ()
    credential: str = ""
    keyring: tuple[str, ...] = ()
    file: Path | None = None
    env: str = ""
    inline: str = field(default="", repr=False)


class Event(enum.StrEnum):
    """What a hook is run for."""

    NEW_MAIL = "new-mail"
    CHANGE = "change"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A SOCKS5 proxy; `user` "": it asks for none."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


class Day(enum.StrEnum):
    """How much may be transferred within a day, where it is no number."""

    AUTO = "auto"  # what the provider is known to allow
    OFF = "off"  # without limit


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    host: str
    port: int
    user: str
    maildir: Path
    state: Path  # STATE/ACCOUNT
    security: Security = Security.TLS
    allow_plaintext: bool = False
    secret: Secret = Secret()
    auth: str = "auto"  # or the name of a mechanism in small letters
    tls_ca_file: Path | None = None
    tls_fingerprint: str = ""  # sha256 of the leaf certificate, 64 lower-case hex digits
    tls_client_cert: Path | None = None
    tls_client_key: Path | None = None  # None: it stands in the file of the certificate
    tunnel: tuple[str, ...] = ()  # a command whose standard input and output are the connection
    proxy: Proxy | None = None
    timeout: float = 60.0  # seconds without progress
    connections: int | None = None  # None: auto
    download_per_day: int | Day = Day.AUTO  # bytes
    upload_per_day: int | Day = Day.AUTO
    compress: bool | None = None  # None: auto
    layout: Layout = Layout.NESTED
    fsync: bool = True
    mailboxes: tuple[str, ...] = ("*",)
    subscribed_only: bool = False
    mailbox_names: NameRules = AS_THEY_ARE
    direction: Direction = Direction.BOTH
    deletions: Deletions = Deletions.TRASH
    max_size: int | None = None  # bytes
    max_age: int | None = None  # days
    sections: tuple[Section, ...] = ()  # the last one that matches and says a thing wins
    expunge_deleted: bool = False
    trash: str = ""
    guard: Guard = Guard()
    undelete_days: int = 30
    append_wait: float = 30.0
    quirks: tuple[str, ...] = ()  # keys of imap.quirks; with "!" in front: not
    on_new_mail: tuple[str, ...] = ()  # commands, as lists of words
    on_change: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()
    hook_timeout: float = 60.0  # seconds

    def hook(self, event: Event) -> tuple[str, ...]:
        """The command for this event; empty: none."""
        hooks = {
            Event.NEW_MAIL: self.on_new_mail,
            Event.CHANGE: self.on_change,
            Event.ERROR: self.on_error,
        }
        return hooks[event]

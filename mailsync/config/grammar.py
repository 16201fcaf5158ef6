"""The keys of mailsync.conf: what each may be.  What they are for stands in sample.conf.

Their defaults are those of `model.settings.Account`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from msgspec import Meta

_Text = Annotated[str, Meta(min_length=1, max_length=4096, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Host = Annotated[str, Meta(max_length=255, pattern=r"\A[^\x00-\x20\x7f/@]+\Z")]
_Port = Annotated[int, Meta(ge=1, le=65535)]
_Seconds = Annotated[float, Meta(gt=0, le=86400)]
_Print = Annotated[str, Meta(pattern=r"\A(?:sha256:)?(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}\Z")]
_Share = Annotated[str, Meta(pattern=r"\A(?:off|(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)[ ]?%)\Z")]
_Size = Annotated[str, Meta(pattern=r"\A(?:off|[1-9][0-9]{0,8}[ ]?[KMG])\Z")]
_Day = Annotated[str, Meta(pattern=r"\A(?:auto|off|[1-9][0-9]{0,8}[ ]?[KMG])\Z")]
_Age = Annotated[str, Meta(pattern=r"\A(?:off|[1-9][0-9]{0,4}[ ]?[dwy])\Z")]
_Words = Annotated[list[_Text], Meta(min_length=1, max_length=1000)]
_Names = Annotated[list[_Text], Meta(max_length=100)]

_NameRules = Annotated[list[dict[str, Any]], Meta(max_length=1000)]  # each: see `rules`
_Command = Annotated[list[_Text], Meta(max_length=1000)]

_COMMAND = 'a list of words, like ["notmuch", "new"]; it is run without a shell'

_Proxy = Annotated[
    str,
    Meta(
        pattern=r"\Asocks5h?://(?:[^\s/@:]+:[^\s/@]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s/@:\[\]]+):[0-9]{1,5}/?\Z"
    ),
]
_Two = Annotated[list[_Text], Meta(min_length=2, max_length=2)]
_Name = Annotated[str, Meta(max_length=255, pattern=r"\A(?!\.\.?\Z)[^\x00-\x1f\x7f/]+\Z")]

_YES_NO = "true or false"
AUTH = (
    "auto",
    "external",
    "scram-sha-256-plus",
    "scram-sha-1-plus",
    "scram-sha-256",
    "scram-sha-1",
    "oauthbearer",
    "xoauth2",
    "plain",
    "login",
)
_PATH = "a path, in quotes"


@dataclass(frozen=True, slots=True)
class Key:
    """`allowed` completes the sentence "… must be"; the value of a `secret` key is never shown."""

    name: str
    type: Any
    allowed: str
    secret: bool = False


SECTION = {
    key.name: key
    for key in (
        Key("direction", Literal["both", "pull", "push"], '"both", "pull" or "push"'),
        Key("deletions", Literal["trash", "expunge", "keep"], '"trash", "expunge" or "keep"'),
        Key("max-size", _Size, 'a size like "500K", "25M" or "1G", or "off"'),
        Key("max-age", _Age, 'a time like "90d", "26w" or "2y", or "off"'),
    )
}
"""What may also stand in a section for some mailboxes."""

ACCOUNT = {
    key.name: key
    for key in (
        Key("host", _Host, 'the name or address of the IMAP server, like "imap.example.org"'),
        Key("port", _Port, "a number from 1 to 65535"),
        Key("security", Literal["tls", "starttls", "none"], '"tls", "starttls" or "none"'),
        Key("allow-plaintext", bool, _YES_NO),
        Key("user", _Text, 'the name to log in with, like "me@example.org"'),
        Key("password-command", _Words, 'a list of words, like ["pass", "show", "mail/me"]', True),
        Key("token-command", _Words, 'a list of words, like ["oama", "access", "me"]', True),
        Key("password-file", _Text, _PATH),
        Key("password-credential", _Name, "the name of a credential of systemd"),
        Key("password-keyring", _Two, 'service and user there, like ["mailsync", "me"]'),
        Key("password-env", _Text, "the name of an environment variable"),
        Key("password", _Text, "a text of one line, in quotes", True),
        Key("auth", Literal[*AUTH], "one of " + ", ".join(f'"{name}"' for name in AUTH)),
        Key("tls-ca-file", _Text, _PATH),
        Key("tls-fingerprint", _Print, '"sha256:" and 64 hexadecimal digits'),
        Key("tls-client-cert", _Text, _PATH),
        Key("tls-client-key", _Text, _PATH),
        Key("tunnel", _Words, 'a list of words, like ["ssh", "imap.example.org", "imapd"]'),
        Key(
            "proxy",
            _Proxy,
            'like "socks5://127.0.0.1:1080" or "socks5://name:word@host:1080"',
            True,
        ),
        Key("timeout", _Seconds, "a number of seconds, more than 0 and at most 86400"),
        Key(
            "connections",
            Literal["auto"] | Annotated[int, Meta(ge=1, le=64)],
            '"auto" or a number from 1 to 64',
        ),
        Key("download-per-day", _Day, '"auto", a size like "500M" or "2G", or "off"'),
        Key("upload-per-day", _Day, '"auto", a size like "500M" or "2G", or "off"'),
        Key("compress", Literal["auto"] | bool, '"auto", true or false'),
        Key("quirks", _Names, 'a list of names, like ["no-qresync", "!no-move"]'),
        Key("maildir", _Text, _PATH),
        Key("layout", Literal["nested", "maildir++"], '"nested" or "maildir++"'),
        Key("fsync", bool, _YES_NO),
        Key("mailboxes", _Words, 'a list of patterns, like ["*", "!Junk"]'),
        Key("subscribed-only", bool, _YES_NO),
        Key(
            "mailbox-names",
            _NameRules,
            'a list of rules, like [{ server = "[Gmail]/Sent Mail", here = "Sent" }]',
        ),
        *SECTION.values(),
        Key("expunge-deleted", bool, _YES_NO),
        Key("trash", _Text, 'the name of a mailbox, like "Trash"'),
        Key("guard", _Share, 'a share from "0%" to "100%", or "off"'),
        Key("undelete-days", Annotated[int, Meta(ge=0, le=36500)], "a number of days, 0 or more"),
        Key(
            "append-wait",
            Annotated[float, Meta(ge=0, le=86400)],
            "a number of seconds from 0 to 86400",
        ),
        Key("on-new-mail", _Command, _COMMAND),
        Key("on-change", _Command, _COMMAND),
        Key("on-error", _Command, _COMMAND),
        Key("hook-timeout", _Seconds, "a number of seconds, more than 0 and at most 86400"),
    )
}

TOP = {"state": Key("state", _Text, _PATH)}
TABLE = "accounts"
REQUIRED = ("host", "user", "maildir")
MAILBOXES = "mailboxes"
SELECT = "select"  # the list of patterns, where `mailboxes` is a table of sections
PASSWORDS = (
    "password-command",
    "token-command",
    "password-file",
    "password-credential",
    "password-keyring",
    "password-env",
    "password",
)

_SYNONYMS = {
    "account": TABLE,
    "address": "host",
    "folders": "mailboxes",
    "format": "layout",
    "hostname": "host",
    "flatten": "mailbox-names",
    "foldermap": "mailbox-names",
    "nametrans": "mailbox-names",
    "login": "user",
    "pass": "password",
    "passcmd": "password-command",
    "passwordeval": "password-command",
    "maxage": "max-age",
    "maxsize": "max-size",
    "path": "maildir",
    "patterns": "mailboxes",
    "readonly": "direction",
    "root": "maildir",
    "server": "host",
    "ssl": "security",
    "subscribed": "subscribed-only",
    "tls": "security",
    "token": "token-command",
    "username": "user",
}


def meant(word: str, known: list[str]) -> str | None:
    """The one of `known` that was probably meant by `word`."""
    plain = word.lower().replace("_", "-")
    synonym = _SYNONYMS.get(plain)
    if synonym in known:
        return synonym
    return next(iter(get_close_matches(plain, known, n=1, cutoff=0.6)), None)


def advice(word: str, known: list[str]) -> str:
    """What to say to a `word` that is none of `known`."""
    guess = meant(word, known)
    return f'did you mean "{guess}"?' if guess else f"there are: {', '.join(known)}"

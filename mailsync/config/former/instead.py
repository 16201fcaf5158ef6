"""Settings of others that one key of ours stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, get_args

from mailsync.config.former.words import Draft, Value, words_of, yes
from mailsync.config.grammar import ACCOUNT

_SIZE = re.compile(r"([0-9]+)\s*([kKmM]?)[bB]?")
_FACTORS = {"": 1, "k": 1000, "K": 1024, "m": 1000**2, "M": 1024**2}
_SOCKS = re.compile(r"SOCKS5:([^:\s]+):([0-9]+)", re.I)
_TOKENS = {"XOAUTH2", "OAUTHBEARER"}


class Instead(NamedTuple):
    """`make` gives None for a value that the key cannot have."""

    key: str
    make: Callable[[str], Value | None]


def limit(text: str) -> str | None:
    """A size in bytes, or with k or m; 0 is none at all."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    size = int(found[1]) * _FACTORS[found[2]]
    return f"{-(-size // 1000)}K" if size else None


def days(text: str) -> str | None:
    return f"{int(text)}d" if re.fullmatch(r"[1-9][0-9]{0,4}", text) else None


def mechanism(text: str) -> str | None:
    """One mechanism alone, that ours may be bound to."""
    word = text.strip().lower()
    return word if word in get_args(ACCOUNT["auth"].type) else None


def proxy(text: str) -> str | None:
    found = _SOCKS.fullmatch(text.strip())
    return f"socks5://{found[1]}:{found[2]}" if found else None


def quirks(text: str) -> list[str] | None:
    """Extensions that the former program was told not to use."""
    from mailsync.imap.quirks import Quirk

    known = {quirk.key for quirk in Quirk}
    words = [f"no-{word.partition('=')[0].lower()}" for word in text.split()]
    return words if words and known.issuperset(words) else None


def no_namespace(text: str) -> list[str] | None:
    return None if yes(text) else ["no-namespace"]


MAX_SIZE = Instead("max-size", limit)
MAX_AGE = Instead("max-age", days)
TUNNEL = Instead("tunnel", words_of)
CLIENT_CERT = Instead("tls-client-cert", str)
CLIENT_KEY = Instead("tls-client-key", str)
AUTH = Instead("auth", mechanism)
PROXY = Instead("proxy", proxy)
QUIRKS = Instead("quirks", quirks)
NAMESPACE = Instead("quirks", no_namespace)
SUBSCRIBED = Instead("subscribed-only", yes)


def taken(instead: Instead | None, text: str) -> bool:
    """Whether the setting has a counterpart here, of which nothing need be said."""
    if instead is AUTH and text.strip().upper() in _TOKENS:
        return False  # where the token comes from has to be looked at
    return instead is not None and instead.make(text) is not None


def put(draft: Draft, instead: Instead, text: str) -> None:
    value = instead.make(text)
    if value is None:
        return
    if isinstance(value, list) and instead.key == "quirks":
        had = draft.words(instead.key)
        had += [word for word in value if word not in had]
    draft.keys.setdefault(instead.key, value)


def end(draft: Draft) -> None:
    """What goes together: a token is no password."""
    auth = str(draft.keys.get("auth", "")).upper()
    if auth in _TOKENS and "password-command" in draft.keys:
        draft.keys["token-command"] = draft.keys.pop("password-command")
    if auth in _TOKENS and "token-command" not in draft.keys:
        del draft.keys["auth"]
    if auth == "EXTERNAL" and "tls-client-cert" not in draft.keys:
        del draft.keys["auth"]
    if "tunnel" in draft.keys:
        draft.keys.pop("port", None)
        draft.keys.pop("security", None)

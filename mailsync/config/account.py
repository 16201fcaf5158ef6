"""One account's values as settings, and what must hold for each account and between them."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mailsync.config import rules
from mailsync.config.grammar import ACCOUNT, PASSWORDS, TABLE, advice
from mailsync.config.read import Values
from mailsync.model.layout import Layout
from mailsync.model.settings import (
    Account,
    Day,
    Deletions,
    Direction,
    Guard,
    Proxy,
    Rules,
    Secret,
    Section,
    Security,
)
from mailsync.system.hidden import keep_from_children
from mailsync.system.text import safe

PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}
_PLAIN = (
    "timeout",
    "auth",
    "allow-plaintext",
    "fsync",
    "subscribed-only",
    "expunge-deleted",
    "trash",
    "undelete-days",
    "append-wait",
    "hook-timeout",
)
_COMMANDS = ("on-new-mail", "on-change", "on-error")


def path_of(values: Values, key: tuple[str, ...], text: str) -> Path:
    """`~` is the home; what is not absolute begins at the folder of the configuration."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        values.complain(key, f'whose home is "{text.split("/")[0]}"?')
        path = Path(text)
    return Path(os.path.abspath(Path(values.path).absolute().parent / path))


def settings(values: Values, name: str, state: Path) -> Account | None:
    """None when a value that an account cannot do without is missing; that is complained of."""
    taken = values.accounts[name]
    if not {"host", "user", "maildir"} <= set(taken):
        return None
    # Within a tunnel nothing is needed besides it.
    usual = Security.NONE if "tunnel" in taken else Security.TLS
    security = Security(taken.get("security", usual))
    account = Account(
        name=name,
        host=taken["host"].strip("[]"),
        port=taken.get("port", PORTS[security]),
        user=taken["user"],
        maildir=path_of(values, (TABLE, name, "maildir"), taken["maildir"]),
        state=state / name,
        security=security,
        secret=_secret(values, name, taken),
        **_optional(values, name, taken),
        **{key.replace("-", "_"): taken[key] for key in _PLAIN if key in taken},
    )
    _check(values, account)
    return account


def _optional(values: Values, name: str, taken: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "tls-ca-file" in taken:
        made["tls_ca_file"] = path_of(values, (TABLE, name, "tls-ca-file"), taken["tls-ca-file"])
    for key in ("tls-client-cert", "tls-client-key"):
        if key in taken:
            made[key.replace("-", "_")] = path_of(values, (TABLE, name, key), taken[key])
    if "tunnel" in taken:
        made["tunnel"] = tuple(taken["tunnel"])
    if "proxy" in taken:
        made["proxy"] = _proxy(values, (TABLE, name, "proxy"), taken["proxy"])
    if "tls-fingerprint" in taken:
        text = taken["tls-fingerprint"].lower().removeprefix("sha256:")
        made["tls_fingerprint"] = text.replace(":", "")
    for key in ("connections", "compress"):
        if taken.get(key, "auto") != "auto":
            made[key] = taken[key]
    for key in ("download-per-day", "upload-per-day"):
        if key in taken:
            made[key.replace("-", "_")] = _day(taken[key])
    if "quirks" in taken:
        made["quirks"] = _quirks(values, (TABLE, name, "quirks"), taken["quirks"])
    if "mailboxes" in taken:
        made["mailboxes"] = tuple(taken["mailboxes"])
    if rules.KEY in taken:
        made["mailbox_names"] = rules.name_rules(values, name, taken[rules.KEY])
    if "layout" in taken:
        made["layout"] = Layout(taken["layout"])
    made |= _rules(taken)
    made["sections"] = tuple(
        Section(pattern, Rules(**_rules(said)), frozenset(_rules(said)))
        for pattern, said in taken.get("sections", ())
    )
    for key in _COMMANDS:
        if key in taken:
            made[key.replace("-", "_")] = tuple(taken[key])
    if "guard" in taken:
        made["guard"] = guard(taken["guard"])
    return made


SIZES = {"K": 10**3, "M": 10**6, "G": 10**9}  # bytes
AGES = {"d": 1, "w": 7, "y": 365}  # days


def _rules(taken: Mapping[str, Any]) -> dict[str, Any]:
    """What is said there of the fields of `Rules`."""
    made: dict[str, Any] = {}
    if "direction" in taken:
        made["direction"] = Direction(taken["direction"])
    if "deletions" in taken:
        made["deletions"] = Deletions(taken["deletions"])
    if "max-size" in taken:
        made["max_size"] = _limit(taken["max-size"], SIZES)
    if "max-age" in taken:
        made["max_age"] = _limit(taken["max-age"], AGES)
    return made


def _quirks(values: Values, key: tuple[str, ...], words: list[str]) -> tuple[str, ...]:
    from mailsync.imap.quirks import Quirk  # few accounts name one

    known = [quirk.key for quirk in Quirk]
    for word in words:
        plain = word.removeprefix("!")
        if word != "!*" and plain not in known:
            values.complain(key, f'there is no quirk "{safe(plain)}"; {advice(plain, known)}')
    return tuple(words)


def _limit(text: str, units: Mapping[str, int]) -> int | None:
    """A number and its unit, or "off", already checked."""
    return None if text == "off" else int(text[:-1]) * units[text[-1]]


def _day(text: str) -> int | Day:
    return Day(text) if text in tuple(Day) else int(text[:-1]) * SIZES[text[-1]]


def _proxy(values: Values, key: tuple[str, ...], text: str) -> Proxy:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(text)
    try:
        port = parts.port or 0
    except ValueError:
        port = 0
    if port == 0:
        values.complain(key, "must end with a port from 1 to 65535")
    password = unquote(parts.password or "")
    if password and not values.private:
        values.complain(key, "others may read this file: run `chmod 600` on it")
    return Proxy(parts.hostname or "", port, unquote(parts.username or ""), password)


def guard(text: str) -> Guard:
    """`"25%"` or `"off"`, already checked."""
    return Guard(None) if text == "off" else Guard(float(text.rstrip("% ")) / 100)


def _secret(values: Values, name: str, taken: Mapping[str, Any]) -> Secret:
    given = [key for key in PASSWORDS if key in taken]
    for second in given[1:]:
        values.complain((TABLE, name, second), f'the password already comes from "{given[0]}"')
    match given[:1]:
        case ["password-command"]:
            return Secret(command=tuple(taken["password-command"]))
        case ["token-command"]:
            return Secret(token_command=tuple(taken["token-command"]))
        case ["password-credential"]:
            return Secret(credential=taken["password-credential"])
        case ["password-keyring"]:
            return Secret(keyring=tuple(taken["password-keyring"]))
        case ["password-file"]:
            text = taken["password-file"]
            return Secret(file=path_of(values, (TABLE, name, "password-file"), text))
        case ["password-env"]:
            keep_from_children(taken["password-env"])
            return Secret(env=taken["password-env"])
        case ["password"]:
            if not values.private:
                values.complain(
                    (TABLE, name, "password"),
                    "others may read this file: run `chmod 600` on it, or use password-command",
                )
            return Secret(inline=taken["password"])
    return Secret()


def is_loopback(host: str) -> bool:
    """Names other than localhost are not looked up: an answer could change."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    """A name, or an address; a colon is in IPv6 addresses only."""
    if ":" not in host:
        return host != ""
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _check(values: Values, account: Account) -> None:
    here = (TABLE, account.name)
    if not _is_host(account.host):
        values.complain(
            (*here, "host"),
            f'must be {ACCOUNT["host"].allowed}, not "{account.host}"; '
            "a port is said by port = 993",
        )
    if (
        account.security is Security.NONE
        and not account.allow_plaintext
        and not account.tunnel
        and not is_loopback(account.host)
    ):
        values.complain(
            (*here, "security"),
            f'"none" would send the password readable to {account.host}: use "tls" or "starttls", '
            "or set allow-plaintext = true if the way there is safe",
        )
    if account.security is Security.NONE:
        for key in ("tls-ca-file", "tls-fingerprint", "tls-client-cert"):
            if getattr(account, key.replace("-", "_")):
                text = 'has no meaning with security = "none"'
                values.complain(
                    (*here, key), text + (", as is usual with tunnel" * bool(account.tunnel))
                )
    if account.tls_client_key and not account.tls_client_cert:
        values.complain((*here, "tls-client-key"), "tls-client-cert must be set, too")
    if account.auth == "external" and not account.tls_client_cert:
        values.complain((*here, "auth"), '"external" needs tls-client-cert')
    if account.auth in ("oauthbearer", "xoauth2") and not account.secret.token_command:
        values.complain((*here, "auth"), f'"{account.auth}" needs token-command')
    if account.tunnel and account.proxy:
        values.complain((*here, "proxy"), "has no meaning with tunnel")
    if account.mailboxes and all(pattern.startswith("!") for pattern in account.mailboxes):
        values.complain((*here, "mailboxes"), 'only leaves out: begin with "*"')
    if "!" in account.mailboxes:
        values.complain((*here, "mailboxes"), '"!" must be followed by a pattern')


def check_places(values: Values, accounts: list[Account]) -> None:
    """No Maildir in another one, and no state within a Maildir or the other way round."""
    places = [(account, os.path.realpath(account.maildir)) for account in accounts]
    for at, (account, maildir) in enumerate(places):
        here = (TABLE, account.name, "maildir")
        for other, other_maildir in places[:at]:
            if maildir == other_maildir:
                values.complain(here, f'is that of account "{other.name}" too')
            elif _nested(maildir, other_maildir):
                values.complain(here, f'is in that of account "{other.name}" or around it')
        for owner, _ in places:
            if _nested(maildir, os.path.realpath(owner.state)):
                text = f"and the state folder {owner.state} must not lie one in the other"
                values.complain(here, text)


def _nested(one: str, other: str) -> bool:
    return os.path.commonpath([one, other]) in (one, other)

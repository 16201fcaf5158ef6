"""Which way to log in: what the server offers and the account has, and never a weaker one than
before (reliability.md §4.1)."""

from __future__ import annotations

from collections.abc import Collection

from mailsync.model.errors import AuthError, InsecureError
from mailsync.model.settings import Account, Secret, Security

# What a server, or somebody in between, learns of the secret: nothing (EXTERNAL, SCRAM; -PLUS is of
# no use on another connection; SHA-1 is easier to guess from), a token that ends, the password.
STRENGTH = {
    "EXTERNAL": 6,
    "SCRAM-SHA-256-PLUS": 5,
    "SCRAM-SHA-1-PLUS": 4,
    "SCRAM-SHA-256": 3,
    "SCRAM-SHA-1": 2,
    "OAUTHBEARER": 1,
    "XOAUTH2": 1,
    "PLAIN": 0,
    "LOGIN": 0,
}
TOKENS = ("OAUTHBEARER", "XOAUTH2")
PASSWORDS = tuple(
    name for name in STRENGTH if name not in TOKENS and name != "EXTERNAL"
)  # best first


def known(account: Account) -> tuple[str, ...]:
    """The mechanisms that this account has the secret for, best first."""
    others = TOKENS if account.secret.token_command else PASSWORDS
    if account.tls_client_cert is None:
        return others
    return ("EXTERNAL", *others) if account.secret != Secret() else ("EXTERNAL",)


def choose(account: Account, offered: Collection[str], strongest: str, *, bindable: bool) -> str:
    """The mechanism to use, of those `offered` (with LOGIN for the command).

    `strongest`: the best that this account ever used, "" at first.  `bindable`: the connection has
    a certificate to bind to.  Raises InsecureError, AuthError.
    """
    if account.auth != "auto":
        return _named(account, account.auth.upper(), offered, bindable=bindable)
    usable = [name for name in known(account) if name in offered and _fits(name, bindable)]
    if not usable:
        raise _nothing(account, offered)
    best = usable[0]
    if STRENGTH[best] < STRENGTH.get(strongest, 0):
        raise InsecureError(
            f"{account.host} no longer offers {strongest}, only {best}: somebody in between may "
            f"want the password.  If it is right: {_allow(account, best)}"
        )
    return best


def _allow(account: Account, name: str) -> str:
    return f'set auth = "{name.lower()}" in [accounts.{account.name}]'


def _fits(name: str, bindable: bool) -> bool:
    return bindable or not name.endswith("-PLUS")


def _named(account: Account, name: str, offered: Collection[str], *, bindable: bool) -> str:
    if not _fits(name, bindable):
        raise AuthError(
            f'auth = "{account.auth}" needs TLS and a certificate that can be bound to; '
            f"{account.host} shows none"
        )
    if name in offered:
        return name
    raise AuthError(
        f'auth = "{account.auth}", but {account.host} offers {_list(offered)}: '
        'set another one, or auth = "auto"'
    )


def _nothing(account: Account, offered: Collection[str]) -> AuthError | InsecureError:
    if not offered:
        if account.security is Security.NONE:
            return InsecureError(f"{account.host} takes no password without TLS")
        return AuthError(f"{account.host} takes no plain password (LOGINDISABLED)")
    if account.secret.token_command:
        return AuthError(f"{account.host} takes no token: it offers {_list(offered)}")
    if account.tls_client_cert and account.secret == Secret():
        return AuthError(
            f"{account.host} does not log in by a client certificate (EXTERNAL): it offers "
            f"{_list(offered)}"
        )
    hint = "; set token-command" if set(offered) & set(TOKENS) else ""
    return AuthError(f"{account.host} takes no password: it offers {_list(offered)}{hint}")


def _list(offered: Collection[str]) -> str:
    return ", ".join(sorted(offered)) or "nothing"

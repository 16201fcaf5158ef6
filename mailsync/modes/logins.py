"""The secrets of one account during a run, and what its logins left for the next ones.

STATE/ACCOUNT/logins remembers the strongest mechanism that was used, so that nobody in between can
talk us into a weaker one; the channel bindings that the server did not take; and when it refused
us, so that a stale password in a timer does not get the account locked or the address banned
(reliability.md 45): three times a day, then it is not tried before the first of them is a day old,
the configuration is changed, or somebody at a terminal asks for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace

from mailsync.model.errors import AuthError
from mailsync.model.settings import Account, Secret
from mailsync.modes.kept import read, write
from mailsync.modes.limits import Limits
from mailsync.server import Past
from mailsync.system.seams import Clock

NAME = "logins"
MOST = 3  # refused logins
DAY = 24 * 3600.0  # seconds
WEEK = 7 * DAY  # after which a binding that was not taken is tried again: servers are renewed

Fetch = Callable[[bool], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """`whose`: the login and the kind of its secret; `configured`: see `_digest`."""

    whose: str = ""
    mechanism: str = ""
    configured: str = ""
    refused: tuple[float, ...] = field(default=())  # seconds since 1970
    said: str = ""  # the server, the last time
    unbound: dict[str, float] = field(default_factory=dict)  # since 1970, by its name


class Logins(Past):
    """`fetch(again)` gets the secret from where the configuration says; `again`: the server did
    not take the last one.  `keep`: a login that succeeds is remembered, too.  `limits`: what else
    may stand against a login."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        fetch: Fetch,
        *,
        interactive: bool,
        keep: bool,
        limits: Limits | None = None,
    ) -> None:
        self._account, self._clock, self._fetch = account, clock, fetch
        self._interactive, self._keep, self._limits = interactive, keep, limits
        self._secret: str | None = None
        self._fresh = False  # the secret is not from an earlier login of this run

    @property
    def _ends(self) -> bool:
        """The secret is a token, which may have ended since."""
        return bool(self._account.secret.token_command)

    async def secret(self) -> str:
        """A password is asked for once a run, a token before each login."""
        self._fresh = self._secret is None
        if self._secret is None or self._ends:
            self._secret = await self._fetch(False)
        return self._secret

    async def renewed(self, refused: str) -> str | None:
        if self._fresh and not self._ends:
            return None  # it was just read
        self._secret = await self._fetch(True)
        return None if self._secret == refused else self._secret

    # -- what earlier runs left ------------------------------------------------------------------

    @property
    def strongest(self) -> str:
        return self._load().mechanism

    def check(self) -> None:
        if self._limits is not None:
            self._limits.check()
        kept = self._load()
        if len(kept.refused) < MOST:
            return
        if self._interactive:
            self._save(replace(kept, refused=()))
            return
        raise AuthError(f"not tried: {self._wait(kept)}; the last time {kept.said}")

    @property
    def unbound(self) -> Collection[str]:
        return self._load().unbound.keys()

    def succeeded(self, mechanism: str, unbound: Collection[str] = ()) -> None:
        kept = self._load()
        found = kept.unbound | dict.fromkeys(unbound, self._clock.wall())
        made = replace(kept, mechanism=mechanism, refused=(), said="", unbound=found)
        if made != kept and (self._keep or kept.refused):
            self._save(made)

    def failed(self, error: AuthError) -> AuthError:
        kept, text = self._load(), str(error)
        refused = (*kept.refused, self._clock.wall())
        kept = replace(kept, refused=refused, said=text)
        self._save(kept)
        if len(refused) < MOST or self._interactive:
            return error
        return AuthError(f"{text}; {self._wait(kept)}")

    def _wait(self, kept: _Kept) -> str:
        until = sorted(kept.refused)[-MOST] + DAY
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(until))
        return (
            f"{len(kept.refused)} logins were refused within a day, the next try is at {when}, "
            "or at once with a changed configuration, or by `mailsync sync "
            f"{self._account.name}` on a terminal"
        )

    # -- the file ----------------------------------------------------------------------------------

    def _load(self) -> _Kept:
        """What is of this login, this configuration and the last day."""
        now, whose, configured = self._clock.wall(), _whose(self._account), _digest(self._account)
        new = _Kept(whose, configured=configured)
        try:
            found = read(self._account.state, NAME)
            kept = _Kept(
                str(found["whose"]),
                str(found["mechanism"]),
                str(found["configured"]),
                tuple(float(at) for at in found["refused"]),
                str(found["said"]),
                {str(name): float(at) for name, at in found.get("unbound", {}).items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return new
        if kept.whose != whose:
            return new
        if kept.configured != configured:
            return replace(new, mechanism=kept.mechanism)
        # A time beyond a day in the future is of a clock that was wrong.
        return replace(
            kept,
            refused=tuple(at for at in kept.refused if abs(now - at) < DAY),
            unbound={name: at for name, at in kept.unbound.items() if abs(now - at) < WEEK},
        )

    def _save(self, kept: _Kept) -> None:
        """Best effort: a full disk must not stand in the way of a login."""
        values = {name: getattr(kept, name) for name in _Kept.__slots__}
        write(self._account.state, NAME, values)


def _whose(account: Account) -> str:
    by = "token" if account.secret.token_command else "password"
    if account.tls_client_cert is not None and account.secret == Secret():
        by = "certificate"
    return f"{account.user}@{account.host} by {by}"


def _digest(account: Account) -> str:
    """Of all by which a login may succeed that did not before.  Two bytes of it: enough to notice
    a change, too little to guess a password from."""
    stamps: list[int] = []
    for path in (account.secret.file, account.tls_client_cert, account.tls_client_key):
        with contextlib.suppress(OSError):
            stamps.append(0 if path is None else os.stat(path).st_mtime_ns)
    facts = (
        account.host,
        account.port,
        account.user,
        account.security,
        account.auth,
        account.secret,
        account.secret.inline,
        account.tls_client_cert,
        account.tls_client_key,
        account.tunnel,
        stamps,
    )
    return hashlib.blake2b(
        repr(facts).encode(), digest_size=2, person=b"mailsync login"
    ).hexdigest()

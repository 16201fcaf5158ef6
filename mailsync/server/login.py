"""From nothing to a session that is logged in, in as few round trips as the server allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mailsync.imap import Limits, Status, cmd
from mailsync.model.errors import AuthError, ConfigError, InsecureError
from mailsync.model.settings import Account, Security
from mailsync.server.answers import login_refusal
from mailsync.server.calls import Call
from mailsync.server.session import Session
from mailsync.server.transport import open_stream, upgrade
from mailsync.server.values import Traffic
from mailsync.system.hidden import also_secret
from mailsync.system.seams import Net, Rand

Password = Callable[[], Awaitable[str]]


async def log_in(
    account: Account,
    net: Net,
    rand: Rand,
    password: Password,
    traffic: Traffic,
    limits: Limits,
) -> Session:
    """Raises InsecureError, AuthError, Unavailable, Disconnected, ServerDefect, ConfigError."""
    stream = await open_stream(account, net)
    session = Session(stream, rand, account.timeout, traffic, limits)
    try:
        async with session.busy():
            greeting = await session.greeting()
            if account.security is Security.STARTTLS:
                await _start_tls(account, session, greeting)
            if not session.capabilities_told:
                await session.must(Call(cmd.capability()), "CAPABILITY")
            if greeting.kind != "PREAUTH":
                await _authenticate(account, session, password)
            if not session.capabilities_told:
                await session.must(Call(cmd.capability()), "CAPABILITY")
    except BaseException:
        await stream.close()
        raise
    return session


async def _start_tls(account: Account, session: Session, greeting: Status) -> None:
    if greeting.kind == "PREAUTH":
        # Logged in already, a server need not take STARTTLS any more: a classic way round it.
        raise InsecureError(f"{account.host} greets with PREAUTH: that would leave TLS out")
    if session.capabilities_told and not session.capabilities.has("STARTTLS"):
        raise InsecureError(
            f"{account.host} does not offer STARTTLS, or somebody on the way cut it out"
        )
    await session.start_tls(lambda stream: upgrade(account, stream))


async def _authenticate(account: Account, session: Session, password: Password) -> None:
    capabilities = session.capabilities
    plain = "PLAIN" in capabilities.auth_mechanisms
    if capabilities.has("LOGINDISABLED") and not plain:
        if account.security is Security.NONE:
            raise InsecureError(f"{account.host} takes no password without TLS")
        raise AuthError(f"{account.host} takes no plain password (LOGINDISABLED)")
    secret = await password()
    session.capabilities_told = False  # they change with the login
    try:
        initial = cmd.sasl_plain(account.user, secret)
        also_secret(*cmd.forms(initial, secret))
        if plain and capabilities.has("SASL-IR"):
            call = Call(cmd.authenticate("PLAIN", initial))
            await session.run(call)
        elif not capabilities.has("LOGINDISABLED"):
            call = Call(cmd.login(account.user, secret))
            await session.run(call)
        else:
            call = Call(cmd.authenticate("PLAIN"))
            await session.respond(call, initial)
    except ValueError:
        raise ConfigError("the user name or password has a character IMAP cannot send") from None
    if call.succeeded:
        return
    assert call.status is not None
    raise login_refusal(call.status)

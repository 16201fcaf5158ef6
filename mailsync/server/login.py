"""From nothing to a session that is logged in, in as few round trips as the server allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mailsync.imap import Limits, Status, cmd
from mailsync.model.errors import AuthError, ConfigError, Disconnected, InsecureError
from mailsync.model.settings import Account, Security
from mailsync.server import sasl, ways
from mailsync.server.answers import login_refusal
from mailsync.server.calls import Call
from mailsync.server.past import Past
from mailsync.server.session import Session
from mailsync.server.transport import open_stream, upgrade
from mailsync.server.values import Traffic
from mailsync.system.hidden import also_secret
from mailsync.system.seams import Net, Rand, Stream

LONGEST_INITIAL = 5000  # bytes, of a line of 8000; what is longer waits for a challenge

Password = Callable[[], Awaitable[str]]


async def log_in(
    account: Account,
    net: Net,
    rand: Rand,
    password: Password,
    traffic: Traffic,
    limits: Limits,
    past: Past,
) -> Session:
    """Raises InsecureError, AuthError, Unavailable, Disconnected, ServerDefect, ConfigError."""
    past.check()
    stream = await open_stream(account, net)
    session = Session(stream, rand, account.timeout, traffic, limits)
    try:
        async with session.busy():
            greeting = await _greeted(account, session, traffic)
            if account.security is Security.STARTTLS:
                await _start_tls(account, session, greeting)
            if not session.capabilities_told:
                await session.must(Call(cmd.capability()), "CAPABILITY")
            if greeting.kind == "PREAUTH":
                _allow_preauth(account)
            else:
                await _Login(account, session, stream, rand, past).run(password)
            if not session.capabilities_told:
                await session.must(Call(cmd.capability()), "CAPABILITY")
    except BaseException:
        await stream.close()
        raise
    return session


async def _greeted(account: Account, session: Session, traffic: Traffic) -> Status:
    before = traffic.bytes_in
    try:
        return await session.greeting()
    except Disconnected as error:
        silent = traffic.bytes_in == before
        if not silent or account.tunnel or account.security is Security.TLS:
            raise
        raise Disconnected(
            f"{error}, before it greeted: if port {account.port} begins with TLS, "
            'set security = "tls"'
        ) from None


def _allow_preauth(account: Account) -> None:
    """Logged in before anybody asked: what a tunnel is for, and believed nowhere else."""
    if not account.tunnel:
        raise InsecureError(
            f"{account.host} greets with PREAUTH, as if it knew who we are: that is for a tunnel"
        )


async def _start_tls(account: Account, session: Session, greeting: Status) -> None:
    if greeting.kind == "PREAUTH":
        # Logged in already, a server need not take STARTTLS any more: a classic way round it.
        raise InsecureError(f"{account.host} greets with PREAUTH: that would leave TLS out")
    if session.capabilities_told and not session.capabilities.has("STARTTLS"):
        raise InsecureError(
            f"{account.host} does not offer STARTTLS, or somebody on the way cut it out"
        )
    await session.start_tls(lambda stream: upgrade(account, stream))


class _Login:
    """One login, in at most two attempts: what the server refuses may have been renewed since."""

    def __init__(
        self, account: Account, session: Session, stream: Stream, rand: Rand, past: Past
    ) -> None:
        self._account, self._session, self._rand, self._past = account, session, rand, past
        said = session.capabilities
        # By LOGIN we mean the command, not the mechanism of that name.
        self._offered = set(said.auth_mechanisms) - {"LOGIN"}
        if not said.has("LOGINDISABLED"):
            self._offered.add("LOGIN")
        self._initial = said.has("SASL-IR")
        self._unbound: list[str] = []  # the bindings that this server does not take
        self._bindings: list[sasl.Binding] = []
        if any(name.startswith("SCRAM-") for name in self._offered):
            known = past.unbound if account.auth == "auto" else ()
            made = sasl.bindings(stream.tls_unique(), stream.peer_certificate())
            self._bindings = [one for one in made if one[0] not in known]

    async def run(self, password: Password) -> None:
        # Whatever stands against it comes before anybody is asked for a password.
        external = self._choose() == "EXTERNAL"
        secret = "" if external else await password()
        try:
            name = await self._attempt(secret)
        except AuthError as error:
            refused = self._past.failed(error)
            renewed = None if external else await self._past.renewed(secret)
            if renewed is None:
                raise refused from None
            self._past.check()
            try:
                name = await self._attempt(renewed)
            except AuthError as again:
                raise self._past.failed(again) from None
        self._past.succeeded(name, self._unbound)

    def _choose(self) -> str:
        bindable = bool(self._bindings)
        strongest = self._past.strongest
        name = ways.choose(self._account, self._offered, strongest, bindable=bindable)
        if name == "PLAIN" and self._account.auth == "auto" and not self._initial:
            return "LOGIN" if "LOGIN" in self._offered else name  # in one round trip
        return name

    async def _attempt(self, secret: str) -> str:
        """The mechanism that succeeded.  Raises AuthError and what else a refusal means."""
        name = self._choose()
        try:
            if name == "LOGIN":
                raise_if_refused(await self._login(secret), name, "")
                return name
            mechanism = self._mechanism(name, secret)
        except ValueError:
            what = "token" if self._account.secret.token_command else "password"
            raise ConfigError(f"the user name or {what} has a character IMAP cannot send") from None
        call = await self._exchange(mechanism)
        if not call.succeeded and self._cannot_bind(mechanism, call):
            self._unbound.append(self._bindings.pop(0)[0])
            return await self._attempt(secret)
        raise_if_refused(call, name, mechanism.why)
        mechanism.done()
        return name

    def _cannot_bind(self, mechanism: sasl.Mechanism, call: Call) -> bool:
        """The server has another channel binding than this one, and we another one or none.

        Cyrus says so only behind the proof, by the name of an error, as it says that bindings of
        its own differ: so it counts only for the one that it has not."""
        if not isinstance(mechanism, sasl.Scram) or not mechanism.name.endswith("-PLUS"):
            return False
        if self._account.auth != "auto" and len(self._bindings) == 1:
            return False  # somebody insists
        late = call.status is not None and call.status.text.startswith("bad protocol")
        return mechanism.unbound or (late and self._bindings[0][0] == sasl.END_POINT)

    def _mechanism(self, name: str, secret: str) -> sasl.Mechanism:
        user = self._account.user
        if name.startswith("SCRAM-"):
            told = self._bindings[0] if self._bindings else None
            if not name.endswith("-PLUS") and any(one.endswith("-PLUS") for one in self._offered):
                told = None  # nobody cut them out: the user wants it without
            return sasl.Scram(name, user, secret, self._rand, told)
        if name == "EXTERNAL":
            return sasl.external(user)
        if name in ways.TOKENS:
            return sasl.token(name, user, secret, self._account.host, self._account.port)
        return sasl.plain(user, secret)

    async def _login(self, secret: str) -> Call:
        also_secret(*cmd.forms(cmd.sasl_plain(self._account.user, secret), secret))
        self._session.capabilities_told = False  # they change with the login
        call = Call(cmd.login(self._account.user, secret))
        await self._session.run(call)
        return call

    async def _exchange(self, mechanism: sasl.Mechanism) -> Call:
        first = mechanism.first()
        sent = self._initial and len(first) <= LONGEST_INITIAL

        def answer(challenge: bytes | None) -> bytes:
            nonlocal sent
            if not sent:  # whatever it says, it can only ask for the first message
                sent = True
                return first
            return mechanism.answer(challenge)

        self._session.capabilities_told = False
        call = Call(cmd.authenticate(mechanism.name, first if sent else None))
        await self._session.authenticate(call, answer)
        return call


def raise_if_refused(call: Call, name: str, why: str) -> None:
    """`why`: what the server said within the exchange."""
    if call.succeeded:
        return
    assert call.status is not None
    raise login_refusal(call.status, name, why)

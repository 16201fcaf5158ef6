"""The way to the server: who may be talked to, and how (reliability.md §4.1)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import os
import socket
import ssl
import stat

from mailsync.model.errors import ConfigError, Disconnected, InsecureError, MailsyncError
from mailsync.model.settings import Account, Security
from mailsync.server.answers import tls_failed
from mailsync.system.seams import Net, Stream
from mailsync.system.text import safe


def tls_context(account: Account) -> ssl.SSLContext:
    """TLS 1.2 or later (RFC 8997), with the certificate and its host name checked (RFC 9525).

    A fingerprint without `tls_ca_file` takes the place of that check, because the pinned
    certificate may be self-signed; with it, both must hold.  Raises ConfigError.
    """
    try:
        context = ssl.create_default_context(
            cafile=None if account.tls_ca_file is None else str(account.tls_ca_file)
        )
    except OSError as error:
        raise ConfigError(
            f"tls-ca-file {account.tls_ca_file}: no certificates: {safe(str(error))}"
        ) from error
    _load_certificate(account, context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 §2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if account.tls_fingerprint and account.tls_ca_file is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # check_peer() compares the fingerprint
    return context


def _load_certificate(account: Account, context: ssl.SSLContext) -> None:
    """The client's own.  Raises ConfigError."""
    if account.tls_client_cert is None:
        return
    key = account.tls_client_key or account.tls_client_cert
    named = "tls-client-cert" if account.tls_client_key is None else "tls-client-key"

    def asked() -> str:  # by OpenSSL, which would ask on the terminal itself
        raise ConfigError(f"{named} {key}: the key has a password: take it off (openssl pkey)")

    try:
        others = stat.S_IMODE(os.stat(key).st_mode) & 0o077
        if others:
            raise ConfigError(f"{named} {key}: others may read the key: run `chmod 600` on it")
        context.load_cert_chain(account.tls_client_cert, account.tls_client_key, asked)
    except ssl.SSLError as error:
        why = safe(error.reason or str(error)).replace("_", " ").lower()
        raise ConfigError(
            f"tls-client-cert {account.tls_client_cert}: no certificate with its key: {why}"
        ) from error
    except OSError as error:
        raise ConfigError(f"{named} {key}: {error.strerror}") from error


def check_peer(account: Account, stream: Stream) -> None:
    """That the stream is TLS, by its own word, and its certificate is the pinned one."""
    leaf = stream.peer_certificate()
    if leaf is None:
        raise InsecureError(f"{account.host}: the connection is not encrypted")
    if account.tls_fingerprint:
        found = hashlib.sha256(leaf).hexdigest()
        if not hmac.compare_digest(found, account.tls_fingerprint):
            raise InsecureError(
                f"{account.host} shows another certificate than the pinned one: sha256 {found}"
            )


def is_loopback(host: str) -> bool:
    if host.lower().rstrip(".") in ("localhost", "localhost.localdomain", "ip6-localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def open_stream(account: Account, net: Net) -> Stream:
    """Connected, and with security "tls" encrypted and checked; nothing was read or written."""
    if account.tunnel:
        return await _open_tunnel(account, net)
    plain = account.security is Security.NONE
    if plain and not (account.allow_plaintext or is_loopback(account.host)):
        raise InsecureError(
            f"{account.host}: no password is sent without TLS; security = none is for this"
            " machine only, unless allow-plaintext says otherwise"
        )
    tls = tls_context(account) if account.security is Security.TLS else None
    try:
        async with asyncio.timeout(account.timeout):
            if account.proxy is not None:
                stream = await net.connect_through(account.proxy, account.host, account.port, tls)
            else:
                stream = await net.connect(account.host, account.port, tls)
    except (TimeoutError, OSError) as error:
        raise _unreachable(account, error) from error
    if tls is not None:
        try:
            check_peer(account, stream)
        except InsecureError:
            await stream.close()
            raise
    return stream


async def _open_tunnel(account: Account, net: Net) -> Stream:
    try:
        stream = await net.tunnel(account.tunnel)
    except OSError as error:
        name = safe(account.tunnel[0])
        raise ConfigError(f"tunnel {name}: cannot be run: {error.strerror}") from error
    if account.security is Security.TLS:
        try:
            async with asyncio.timeout(account.timeout):
                await upgrade(account, stream)
        except (TimeoutError, OSError) as error:
            await stream.close()
            raise tls_failed(error, account.timeout) from error
        except BaseException:
            await stream.close()
            raise
    return stream


async def upgrade(account: Account, stream: Stream) -> None:
    """TLS on a plain stream."""
    await stream.start_tls(tls_context(account), account.host)
    check_peer(account, stream)


def _unreachable(account: Account, error: Exception) -> MailsyncError:
    where = f"{account.host}:{account.port}"
    if isinstance(error, ssl.SSLError):
        failed = tls_failed(error, account.timeout)
        return type(failed)(f"{where}: {failed}")
    if isinstance(error, socket.gaierror):
        return Disconnected(f"{where}: the name cannot be resolved: {safe(error.strerror or '')}")
    if isinstance(error, TimeoutError):
        return Disconnected(f"{where} does not answer within {account.timeout:g} s")
    reason = getattr(error, "strerror", None) or str(error) or "the connection was cut"
    return Disconnected(f"{where} cannot be reached: {safe(reason)}")

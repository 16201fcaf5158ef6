"""A connection by a SOCKS5 proxy (RFC 1928), by the library python-socks."""

from __future__ import annotations

import socket

from mailsync.model.errors import ConfigError
from mailsync.model.settings import Proxy
from mailsync.system.text import safe


async def connect(proxy: Proxy, host: str, port: int) -> socket.socket:
    """A socket that leads to `host`, whose name the proxy resolves: nobody here learns of it.

    Raises OSError, and ConfigError where the library is missing.
    """
    try:
        from python_socks import ProxyError, ProxyType
        from python_socks.async_.asyncio import Proxy as Socks
    except ImportError:
        raise ConfigError("proxy needs one more package: pip install 'mailsync[proxy]'") from None
    made = Socks(
        ProxyType.SOCKS5,
        proxy.host,
        proxy.port,
        username=proxy.user or None,
        password=proxy.password or None,
        rdns=True,
    )
    where = f"the proxy {proxy.host}:{proxy.port}"
    try:
        sock = await made.connect(dest_host=host, dest_port=port, timeout=DEADLINE)
    except UnicodeError:
        raise ConfigError("proxy: its user and password may have ASCII characters only") from None
    except ProxyError as error:
        raise ConnectionRefusedError(f"{where}: {safe(str(error))}") from None
    except TimeoutError as error:
        raise TimeoutError(f"{where} does not answer") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise ConnectionRefusedError(f"{where} cannot be reached: {safe(why)}") from None
    assert isinstance(sock, socket.socket)
    return sock


DEADLINE = 86400.0  # seconds; the caller has one of his own

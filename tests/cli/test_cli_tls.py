"""The mistakes of a first configuration about TLS: one line that names the key to set."""

from __future__ import annotations

import pytest
from support.dovecot import Dovecot
from support.home import Home

CONF = """\
[accounts.me]
host = "localhost"
port = {port}
user = "ann"
password = "secret"
maildir = "~/Mail/me"
timeout = 2
"""


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("more", "tls", "said"),
    [
        (
            "",
            True,
            "localhost:{port}: the server's certificate is not valid: unable to get local issuer "
            "certificate; tls-ca-file trusts an authority of your own, tls-fingerprint this very "
            "certificate, once you know that it is the right one",
        ),
        (
            "",
            False,
            "localhost:{port}: TLS failed: wrong version number: that port does not begin with "
            'TLS: set another, or security = "starttls"',
        ),
        (
            'security = "starttls"',
            True,
            "the server made no progress for 2 s, before it greeted: if port {port} begins with "
            'TLS, set security = "tls"',
        ),
        (
            'security = "none"',
            True,
            "the server made no progress for 2 s, before it greeted: if port {port} begins with "
            'TLS, set security = "tls"',
        ),
    ],
    ids=["authority", "no TLS there", "TLS there, starttls", "TLS there, none"],
)
def test_the_key_is_named(dovecot: Dovecot, home: Home, more: str, tls: bool, said: str) -> None:
    port = dovecot.tls_port if tls else dovecot.port
    home.write(CONF.format(port=port) + more)
    done = home.run("sync")
    assert done.status == 75
    assert done.err.splitlines()[-1] == f"mailsync: me: {said.format(port=port)}"

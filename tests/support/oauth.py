"""Tokens that a private Dovecot believes: JWTs signed with a key of the test's own (RFC 7519)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

KEY = b"0123456789abcdef0123456789abcdef"


def prepared(folder: Path) -> str:
    """`extra` for Dovecot(): tokens instead of passwords, checked by itself with what is put into
    `folder`, which anybody must be able to reach."""
    folder.chmod(0o755)
    place = folder / "keys" / "default" / "HS256"
    place.mkdir(parents=True)
    (place / "default").write_bytes(base64.b64encode(KEY))
    for path in (folder / "keys", place.parent, place):
        path.chmod(0o755)
    (place / "default").chmod(0o644)
    (folder / "oauth2.conf").write_text(
        f"introspection_mode = local\nusername_attribute = sub\n"
        f"local_validation_key_dict = fs:posix:prefix={folder}/keys/\n"
    )
    (folder / "oauth2.conf").chmod(0o644)
    return (
        "auth_mechanisms = oauthbearer xoauth2\n"
        "passdb {\n  driver = oauth2\n  mechanisms = oauthbearer xoauth2\n"
        f"  args = {folder}/oauth2.conf\n}}\n"
    )


def _part(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def token(user: str, seconds: float = 3600, key: bytes = KEY) -> str:
    """An access token of `user` that ends in so many seconds."""
    now = int(time.time())
    claims = {"sub": user, "iat": now - 10, "nbf": now - 10, "exp": now + int(seconds)}
    text = _part({"alg": "HS256", "typ": "JWT"}) + b"." + _part(claims)
    signature = hmac.new(key, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

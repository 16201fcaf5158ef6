"""What must not be told: passwords in every form, and where they lie in the environment."""

from __future__ import annotations

import os

_seen: set[str] = set()
_variables: set[str] = set()


class Password(str):
    """A password; `repr` shows `***`, and `redact` knows it from now on."""

    __slots__ = ()

    def __new__(cls, value: str) -> Password:
        also_secret(value)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "***"


def also_secret(*forms: str) -> None:
    """Texts that tell a password, such as base64 of it: a server may repeat them.  Also as `repr`
    shows them, and their bytes, which is how a log shows an answer."""
    for form in filter(None, forms):
        shown = (repr(form)[1:-1], repr(form.encode("utf-8", "backslashreplace"))[2:-1])
        _seen.update((form, *shown))


def redact(text: str) -> str:
    """`text` with every password that was read in this process as `***`, in any form in which
    it was sent."""
    for secret in sorted(_seen, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def keep_from_children(variable: str) -> None:
    """This variable has a password: no command that is started may see it."""
    _variables.add(variable)


def for_children() -> dict[str, str]:
    """The environment without passwords."""
    return {name: value for name, value in os.environ.items() if name not in _variables}

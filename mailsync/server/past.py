"""What is known of an account's logins beyond one connection; `modes` keeps it across runs."""

from __future__ import annotations

from collections.abc import Collection

from mailsync.model.errors import AuthError


class Past:
    """Nothing is known, nothing is kept."""

    @property
    def strongest(self) -> str:
        """The strongest mechanism that was ever used; "" at first."""
        return ""

    @property
    def unbound(self) -> Collection[str]:
        """The channel bindings that the server did not take lately."""
        return ()

    def check(self) -> None:
        """Raises AuthError or Unavailable while no login may be tried."""

    def succeeded(self, mechanism: str, unbound: Collection[str] = ()) -> None:
        """The server let us in; `unbound`: channel bindings that it did not take before."""

    def failed(self, error: AuthError) -> AuthError:
        """The server refused; returns what to say of it."""
        return error

    async def renewed(self, refused: str) -> str | None:
        """Another secret instead of the refused one; None: there is no other."""
        return None

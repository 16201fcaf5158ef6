"""What a mailbox is called here and on the server, by the user's rules (`mailbox-names`).

A rule is a pair of names, each perhaps with one `*`, which stands for the same text in both.  The
first rule whose `server` fits says the name here; the first whose `here` fits, and that leads back
to it, the name on the server.  What no rule fits has one name.  INBOX is INBOX.

Names are `MailboxName`s, as the user sees them: on the server without its namespace's prefix, and
with `/` between components whatever its delimiter is.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailsync.model.mailboxname import INBOX, MailboxName, join, split

STAR = "*"


@dataclass(frozen=True, slots=True)
class NameRule:
    """`flatten` stands here for each `/` of what `*` stands for on the server; "": `/` does."""

    server: str
    here: str
    flatten: str = ""

    def fits(self, server: str) -> bool:
        """Whether it is for this name on the server; of a pattern, for all that it is for."""
        return _star(self.server, server) is not None


@dataclass(frozen=True, slots=True)
class NameRules:
    rules: tuple[NameRule, ...] = ()

    def here(self, name: MailboxName) -> MailboxName:
        """What a mailbox of the server is called here; raises ValueError where that is no name."""
        for rule in self.rules:
            star = _star(rule.server, name)
            if star is not None:
                return _filled(rule.here, star.replace("/", rule.flatten or "/"))
        return name

    def there(self, name: MailboxName) -> MailboxName:
        """The inverse of `here`; raises ValueError where no name on the server leads to it."""
        for rule in self.rules:
            star = _star(rule.here, name)
            if star is not None:
                plain = star.replace(rule.flatten, "/") if rule.flatten else star
                if (found := self._leading(rule.server, plain, name)) is not None:
                    return found
        if self._leading(STAR, name, name) is None:
            raise ValueError(f"no name on the server becomes {name} by mailbox-names")
        return name

    def _leading(self, pattern: str, star: str, name: MailboxName) -> MailboxName | None:
        """The name on the server, if it becomes `name` here."""
        try:
            found = name if name == INBOX else _filled(pattern, star)
            return found if self.here(found) == name else None
        except ValueError:
            return None


AS_THEY_ARE = NameRules()


def wrong(pattern: str) -> str:
    """Why the pattern of a rule is none; "" where it is one."""
    if pattern.count(STAR) > 1:
        return 'has more than one "*"'
    try:
        _filled(pattern, "x")
    except ValueError as error:
        return f"is no name of a mailbox: {error}"
    return ""


def _star(pattern: str, name: str) -> str | None:
    """What `*` stands for, at least one character; None: the pattern does not fit."""
    if name == INBOX:
        return None
    if STAR not in pattern:
        return "" if pattern == name else None
    head, _, tail = pattern.partition(STAR)
    if len(name) > len(head) + len(tail) and name.startswith(head) and name.endswith(tail):
        return name[len(head) : len(name) - len(tail)]
    return None


def _filled(pattern: str, star: str) -> MailboxName:
    name = MailboxName(pattern.replace(STAR, star, 1))
    if join(split(name)) != name or name == INBOX:
        raise ValueError(f"{name} cannot be a name here")
    return name

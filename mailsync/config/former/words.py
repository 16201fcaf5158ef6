"""What another program's configuration comes to in ours."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from dataclasses import dataclass, field

from mailsync.config.grammar import ACCOUNT, PASSWORDS, TABLE
from mailsync.local.former import Places

Rule = dict[str, str]  # of mailbox-names
Value = str | int | bool | list[str]
NAMES = "mailbox-names"

SYSTEM_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/openssl/cert.pem",
)
_SHELL = re.compile(r"[|&;<>()$`*?\[\]~{}!#\n]")
FILL_IN = "FILL-IN"  # where a value is needed and none can be had


@dataclass(slots=True)
class Draft:
    """One account: keys of sample.conf, and where the former program's state of it is.

    `renamed`: the names of mailboxes that have another one here, by that.  `inbox`: where INBOX is,
    if not where it belongs."""

    name: str
    keys: dict[str, Value] = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    rules: list[Rule] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    inbox: str = ""

    def rule(self, server: str, here: str, flatten: str = "") -> None:
        """What a mailbox of the server is called here; those for one mailbox come first."""
        made = {"server": server, "here": here} | ({"flatten": flatten} if flatten else {})
        if made not in self.rules and made != {"server": "*", "here": "*"}:
            self.rules.append(made)
            self.rules.sort(key=lambda one: "*" in one["server"])

    def words(self, key: str) -> list[str]:
        """The list under `key`, made where it is missing."""
        had = self.keys.setdefault(key, [])
        assert isinstance(had, list)
        return had

    @property
    def maildir(self) -> str:
        path = str(self.keys.get("maildir", "")).replace("\0", "")
        return os.path.realpath(os.path.expanduser(path))


@dataclass(slots=True)
class Converted:
    """`remarks`: one line for each setting that has no counterpart, with file and line."""

    program: str
    path: str
    drafts: list[Draft] = field(default_factory=list)
    _remarks: dict[str, int] = field(default_factory=dict)  # text -> line

    def remark(self, line: int, setting: str, text: str) -> None:
        self._remarks.setdefault(f"{self.path}:{line}: {setting}: {text}", line)

    @property
    def remarks(self) -> list[str]:
        return sorted(self._remarks, key=self._remarks.__getitem__)

    @property
    def secret(self) -> bool:
        """A password stands in it."""
        return any("password" in draft.keys for draft in self.drafts)

    def named(self, wanted: str) -> Draft:
        """A new draft under a name of its own that ours may have."""
        name = re.sub(r"[^\w.@+-]", "-", wanted).lstrip("_.@+-")[:90] or "account"
        taken = {draft.name.casefold() for draft in self.drafts}
        free, number = name, 2
        while free.casefold() in taken:
            free, number = f"{name}-{number}", number + 1
        draft = Draft(free)
        self.drafts.append(draft)
        return draft

    def draft_of(self, maildir: str) -> Draft | None:
        """The account with this Maildir."""
        real = os.path.realpath(maildir)
        return next((draft for draft in self.drafts if draft.maildir == real), None)

    def end(self) -> Converted:
        """What holds between accounts."""
        for at, one in enumerate(self.drafts):
            for other in self.drafts[:at]:
                if os.path.commonpath([one.maildir, other.maildir]) in (one.maildir, other.maildir):
                    self.remark(
                        1,
                        f"{one.name} and {other.name}",
                        "two accounts cannot share a Maildir, or have one in the other: move one",
                    )
        return self

    def toml(self) -> str:
        """The text of a mailsync.conf."""
        parts = [f"# Made from {_one_line(self.path)} ({self.program}); sample.conf explains it.\n"]
        for draft in self.drafts:
            parts.append(f"\n[{TABLE}.{_key(draft.name)}]\n")
            for key in ACCOUNT:
                if key in draft.keys:
                    parts.append(f"{key} = {_toml(draft.keys[key])}\n")
                elif key == NAMES and draft.rules:
                    rules = "".join(f"    {_table(rule)},\n" for rule in draft.rules)
                    parts.append(f"{key} = [\n{rules}]\n")
            if not any(key in draft.keys for key in PASSWORDS):
                parts.append("# no password source: it is asked for on the terminal\n")
        return "".join(parts)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(rule: Rule) -> str:
    return "{ " + ", ".join(f"{key} = {_toml(value)}" for key, value in rule.items()) + " }"


def words_of(command: str) -> list[str]:
    """A shell's command line as a list of words: by the shell where it needs one."""
    if not _SHELL.search(command) and "=" not in command.split(" ")[0]:
        try:
            if words := shlex.split(command):
                return words
        except ValueError:
            pass
    return ["sh", "-c", command]


def whole(text: str) -> int:
    """A number of at most nine digits; 0 for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def yes(text: str) -> bool:
    return text.strip().lower() in ("yes", "true", "on", "1")


def fingerprint_of(path: str) -> str | None:
    """SHA-256 of the only certificate in a PEM file that signed itself and is no authority's
    bundle; None: there are more, or none, or it cannot be read."""
    import ssl

    try:
        with open(os.path.expanduser(path), encoding="ascii") as file:
            text = file.read(1 << 20)
    except (OSError, ValueError):
        return None
    found = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.S)
    if len(found) != 1:
        return None
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).hexdigest()
    except ValueError:
        return None


def certificates(made: Converted, draft: Draft, line: int, setting: str, path: str) -> None:
    """A file of certificates to trust."""
    here = os.path.realpath(path.replace("\0", ""))
    if path == "OS-DEFAULT" or here in map(os.path.realpath, SYSTEM_AUTHORITIES):
        return  # ours trusts the system's anyway
    draft.keys["tls-ca-file"] = path
    if (print_ := fingerprint_of(path)) is not None:
        made.remark(
            line,
            setting,
            "tls-ca-file is for an authority; if the file holds the server's own certificate, say "
            f'tls-fingerprint = "sha256:{print_}" instead',
        )
    else:
        made.remark(line, setting, "tls-ca-file counts instead of the system's authorities")


def plain(made: Converted, draft: Draft, line: int, setting: str) -> None:
    """A connection without TLS."""
    draft.keys["security"] = "none"
    host = str(draft.keys.get("host", ""))
    if not host.startswith("127.") and host not in ("localhost", "::1"):
        made.remark(
            line,
            setting,
            "without TLS is refused for another machine: set allow-plaintext = true if the way "
            "there is safe",
        )

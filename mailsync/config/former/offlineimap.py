"""~/.offlineimaprc in our words.

Its Python (nametrans, folderfilter, …eval) is never run: a filter that is a plain list of names is
read as such, the rest is said.
"""

from __future__ import annotations

import ast
import configparser
import os
import re

from mailsync.config.former.instead import (
    AUTH,
    CLIENT_CERT,
    CLIENT_KEY,
    MAX_AGE,
    MAX_SIZE,
    PROXY,
    SUBSCRIBED,
    TUNNEL,
    end,
    put,
    taken,
)
from mailsync.config.former.words import (
    FILL_IN,
    Converted,
    Draft,
    certificates,
    plain,
    whole,
    yes,
)
from mailsync.local.former import Places
from mailsync.model.errors import ConfigError

PROGRAM = "OfflineIMAP"

PYTHON = "Python is never run: {what}"
# By section: general, account, the Maildir's repository, the server's.
NONE = {
    "general": {
        "maxsyncaccounts": "accounts are synced side by side",
        "ui": "see `mailsync sync --help`",
        "ignore-readonly": "see direction",
        "pythonfile": PYTHON.format(what="what it defines is not known here"),
    },
    "account": {
        "autorefresh": "runs are started by cron or a systemd timer",
        "quick": "a run that finds nothing changed is always quick",
        "presynchook": "nothing runs before a sync: run the program before `mailsync sync`",
        "postsynchook": "on-change and on-new-mail run a command when there was something",
        "presynchooktimeout": "nothing runs before a sync",
        "postsynchooktimeout": "see hook-timeout",
        "maxsize": "see max-size",
        "maxage": "it must be a number of days: see max-age",
        "synclabels": "labels are not synced",
        "labelsheader": "labels are not synced; no header is ever added",
        "ignorelabels": "labels are not synced",
        "proxy": "only SOCKS5 is known, like SOCKS5:127.0.0.1:1080",
        "authproxy": "only SOCKS5 is known, like SOCKS5:127.0.0.1:1080",
        "utf8foldernames": "mailboxes are directories in UTF-8",
        "newmail_hook": "see on-new-mail",
        "status_backend": "mailsync has a cache of its own",
        "dispatcher": "runs are started by cron or a systemd timer",
    },
    "local": {
        "nametrans": PYTHON.format(what="say by mailbox-names what it did"),
        "folderfilter": PYTHON.format(what="choose by mailboxes"),
        "folderincludes": PYTHON.format(what="choose by mailboxes"),
        "folder_sort": "INBOX is first",
        "createfolders": "a mailbox of one side is always made on the other",
        "restoreatime": "times of access are left alone",
        "startdate": "there is no such date: see max-age",
        "filename_use_mail_timestamp": "new files have names of mailsync's own",
        "utime_from_header": "a file's time is the date of arrival",
        "maildir-windows-compatible": "names of files have a colon",
        "sync_deletes": "see deletions and direction",
        "usecompression": "see compress",
    },
    "remote": {
        "nametrans": PYTHON.format(what="say by mailbox-names what it did"),
        "folderincludes": PYTHON.format(what="name the mailboxes"),
        "folder_sort": "INBOX is first",
        "remotehosteval": PYTHON.format(what="fill in host"),
        "remoteporteval": PYTHON.format(what="fill in port"),
        "remoteusereval": PYTHON.format(what="fill in user"),
        "remotepasseval": PYTHON.format(
            what='use password-command, like ["pass", "show", "mail/me"], or password-file'
        ),
        "auth_mechanisms": "the best that the server offers is used; a token: see token-command",
        "oauth2_client_id": "a program that prints access tokens does that, see token-command",
        "oauth2_client_secret": "a program that prints access tokens does that, see token-command",
        "oauth2_refresh_token": "a program that prints access tokens does that, see token-command",
        "oauth2_access_token": "a program that prints access tokens does that, see token-command",
        "oauth2_request_url": "a program that prints access tokens does that, see token-command",
        "reference": "the server's personal namespace is used",
        "idlefolders": "new mail is looked for by each run",
        "keepalive": "connections end with the run",
        "holdconnectionopen": "connections end with the run",
        "startdate": "there is no such date: see max-age",
        "createfolders": "a mailbox of one side is always made on the other",
        "ssl_version": "TLS 1.2 or newer is used",
        "tls_level": "TLS 1.2 or newer is used",
        "remote_identity": "the user logs in as himself",
        "decodefoldernames": "mailboxes are directories in UTF-8",
        "ipv6": "the system chooses the address",
        "trashfolder": "the server says which mailbox is for deleted messages; else set trash",
        "realdelete": "on Gmail, deleted messages always go to the trash",
        "maxconnections": "one connection, with many commands on their way, fills the line",
        "newmail_hook": "see on-new-mail",
        "retrycount": "mailsync chooses how often it tries again",
        "singlethreadperfolder": "mailsync chooses how it works",
        "proxy": "only SOCKS5 is known, like SOCKS5:127.0.0.1:1080",
        "authproxy": "only SOCKS5 is known, like SOCKS5:127.0.0.1:1080",
        "usecompression": "see compress",
        "spamfolder": "the server says which mailbox is which",
    },
}
TAKEN = {
    "general": {"accounts", "metadata", "socktimeout", "fsync"},
    "account": {"localrepository", "remoterepository"},
    "local": {"type", "localfolders", "sep", "readonly"},
    "remote": {
        *("type", "remotehost", "remoteport", "remoteuser", "remotepass", "remotepassfile"),
        *("ssl", "starttls", "sslcacertfile", "cert_fingerprint", "folderfilter"),
        *("readonly", "expunge", "sync_deletes", "preauthtunnel", "transporttunnel"),
        *("sslclientcert", "sslclientkey", "subscribedonly"),
    },
}
INSTEAD = {
    "account": {"maxsize": MAX_SIZE, "maxage": MAX_AGE, "proxy": PROXY},
    "remote": {
        "preauthtunnel": TUNNEL,
        "transporttunnel": TUNNEL,
        "sslclientcert": CLIENT_CERT,
        "sslclientkey": CLIENT_KEY,
        "auth_mechanisms": AUTH,
        "subscribedonly": SUBSCRIBED,
        "proxy": PROXY,
    },
}
_HEADER = re.compile(r"\s*\[([^]]+)\]")
_OPTION = re.compile(r"([^\s#;:=][^:=]*?)\s*[:=]")


class _Source:
    """The parsed file, and on which line each option stands."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            self.parser.read_string(text)
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or (getattr(error, "errors", None) or [[1]])[0][0]
            what = str(error).splitlines()[0]
            raise ConfigError(
                f"{path}:{line}: not a configuration of OfflineIMAP: {what}"
            ) from None
        self._lines: dict[tuple[str, str], int] = {}
        section = ""
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.match(line):
                section = header[1]
                self._lines[section, ""] = number
            elif option := _OPTION.match(line):
                self._lines[section, option[1].lower()] = number

    def line(self, section: str, option: str = "") -> int:
        for key in ((section, option), ("DEFAULT", option), (section, "")):
            if key in self._lines:
                return self._lines[key]
        return 1

    def get(self, section: str, option: str) -> str:
        return self.parser.get(section, option, fallback="").strip()

    def options(self, section: str) -> list[str]:
        return [one for one in self.parser.options(section) if (section, one) in self._lines]


def convert(text: str, path: str) -> Converted:
    """Raises ConfigError for what OfflineIMAP could not read either."""
    source = _Source(text, path)
    made = Converted(PROGRAM, path)
    if not source.parser.has_section("general"):
        raise ConfigError(f"{path}:1: not a configuration of OfflineIMAP: no section [general]")
    _judge(made, source, "general", "general")
    for section in source.parser.sections():
        kind = section.split(" ")[0].lower()
        if kind not in ("general", "account", "repository"):
            made.remark(source.line(section), f"[{section}]", "has no counterpart")
    names = [one.strip() for one in source.get("general", "accounts").split(",") if one.strip()]
    for name in names:
        if not source.parser.has_section(f"Account {name}"):
            line = source.line("general", "accounts")
            raise ConfigError(f"{path}:{line}: there is no section [Account {name}]")
        _account(made, source, name)
    return made.end()


def _judge(made: Converted, source: _Source, section: str, kind: str) -> None:
    for option in source.options(section):
        if taken(INSTEAD.get(kind, {}).get(option), source.get(section, option)):
            continue
        if option in NONE[kind]:
            made.remark(source.line(section, option), option, NONE[kind][option])
        elif option.startswith("customflag_"):
            made.remark(source.line(section, option), option, _letter(source, section, option))
        elif option not in TAKEN[kind]:
            made.remark(source.line(section, option), option, "has no counterpart")


def _letter(source: _Source, section: str, option: str) -> str:
    """What a letter in the names of files means stands in each mailbox for mailsync."""
    letter, keyword = option.removeprefix("customflag_"), source.get(section, option)
    if not re.fullmatch("[a-z]", letter):
        return "has no counterpart"
    number = ord(letter) - ord("a")
    return (
        f'the letter means that where dovecot-keywords in the mailbox has the line "{number} '
        f'{keyword}": write it there before `mailsync adopt`'
    )


def _account(made: Converted, source: _Source, name: str) -> None:
    section = f"Account {name}"
    _judge(made, source, section, "account")
    here, there = (source.get(section, f"{side}repository") for side in ("local", "remote"))
    local, remote = f"Repository {here}", f"Repository {there}"
    for one in (local, remote):
        if not source.parser.has_section(one):
            line = source.line(section)
            raise ConfigError(f"{made.path}:{line}: there is no section [{one}]")
    kind = source.get(local, "type").lower()
    if kind not in ("maildir", "gmailmaildir"):
        made.remark(
            source.line(local, "type"), f"[{local}]", "only IMAP with a Maildir can be synced"
        )
        return
    _judge(made, source, local, "local")
    _judge(made, source, remote, "remote")
    draft = made.named(name)
    _server(made, source, draft, remote)
    _password(source, draft, remote)
    draft.keys["maildir"] = source.get(local, "localfolders").rstrip("/") or FILL_IN
    separator = source.get(local, "sep") or "."
    if separator != "/":
        draft.rule("*", "*", separator)
    _rules(made, source, draft, local, remote)
    for where, kind in ((section, "account"), (remote, "remote")):
        for option, instead in INSTEAD[kind].items():
            if text := source.get(where, option):
                put(draft, instead, text)
    end(draft)
    metadata = os.path.expanduser(source.get("general", "metadata") or "~/.offlineimap")
    draft.places = Places((), metadata, name, there)


def _server(made: Converted, source: _Source, draft: Draft, remote: str) -> None:
    gmail = source.get(remote, "type").lower() == "gmail"
    keys = draft.keys
    keys["host"] = source.get(remote, "remotehost") or ("imap.gmail.com" if gmail else FILL_IN)
    keys["user"] = source.get(remote, "remoteuser") or FILL_IN
    port = whole(source.get(remote, "remoteport"))
    ssl = yes(source.get(remote, "ssl") or "yes")
    if ssl:
        keys["security"] = "tls"
    elif yes(source.get(remote, "starttls") or "yes"):
        keys["security"] = "starttls"
    else:
        plain(made, draft, source.line(remote, "ssl"), "ssl")
    if port:
        keys["port"] = port
    if keys["security"] != "none":
        _trust(made, source, draft, remote)
    if timeout := whole(source.get("general", "socktimeout")):
        keys["timeout"] = timeout
    if (fsync := source.get("general", "fsync")) and not yes(fsync):
        keys["fsync"] = False


def _trust(made: Converted, source: _Source, draft: Draft, remote: str) -> None:
    if path := source.get(remote, "sslcacertfile"):
        certificates(made, draft, source.line(remote, "sslcacertfile"), "sslcacertfile", path)
    prints = source.get(remote, "cert_fingerprint").replace(":", "").lower()
    found = [one.strip() for one in prints.split(",") if one.strip()]
    sha256 = [one for one in found if re.fullmatch(r"[0-9a-f]{64}", one)]
    if found and len(sha256) == 1 == len(found):
        draft.keys["tls-fingerprint"] = f"sha256:{sha256[0]}"
        draft.keys.pop("tls-ca-file", None)
    elif found:
        line = source.line(remote, "cert_fingerprint")
        made.remark(line, "cert_fingerprint", "one SHA-256 is needed: see tls-fingerprint")


def _password(source: _Source, draft: Draft, remote: str) -> None:
    if source.get(remote, "remotepasseval"):
        return
    if path := source.get(remote, "remotepassfile"):
        draft.keys["password-file"] = path
    elif password := source.get(remote, "remotepass"):
        draft.keys["password"] = password


def _rules(made: Converted, source: _Source, draft: Draft, local: str, remote: str) -> None:
    keys = draft.keys
    if yes(source.get(remote, "readonly")):
        keys["direction"] = "pull"
    elif yes(source.get(local, "readonly")):
        keys["direction"] = "push"
    if source.get(remote, "type").lower() != "gmail":
        keys["deletions"] = "expunge"
    for option in ("expunge", "sync_deletes"):
        if (found := source.get(remote, option)) and not yes(found):
            keys["deletions"] = "keep"
            made.remark(
                source.line(remote, option),
                option,
                "what is deleted here is not marked \\Deleted on the server, it just stays there "
                '(deletions = "keep")',
            )
    text = source.get(remote, "folderfilter")
    if text:
        patterns = filtered(text)
        if patterns is None:
            line = source.line(remote, "folderfilter")
            made.remark(line, "folderfilter", PYTHON.format(what="choose by mailboxes"))
        else:
            separator = source.get(local, "sep") or "."
            flat = separator if draft.rules else "/"
            keys["mailboxes"] = [word.replace("/", flat) for word in patterns]


def filtered(text: str) -> list[str] | None:
    """`lambda name: name in [...]`, or `not in`, as patterns; None: it is anything else.

    Only its syntax is looked at.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(tree, ast.Lambda) or len(tree.args.args) != 1:
        return None
    test, name = tree.body, tree.args.args[0].arg
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    if isinstance(test, ast.UnaryOp) and negated:
        test = test.operand
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right, how = test.left, test.comparators[0], test.ops[0]
    if not isinstance(left, ast.Name) or left.id != name or not isinstance(how, ast.In | ast.NotIn):
        return None
    if not isinstance(right, ast.List | ast.Tuple | ast.Set):
        return None
    names = [one.value for one in right.elts if isinstance(one, ast.Constant)]
    words = [one for one in names if isinstance(one, str) and one and not set(one) & set("*%!")]
    if len(words) != len(right.elts):
        return None
    if isinstance(how, ast.NotIn) != negated:
        return ["*", *(f"!{word}" for word in words)]
    return words or None

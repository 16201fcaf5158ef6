"""~/.mbsyncrc in our words: each pair of an IMAPStore and a MaildirStore is an account."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mailsync.config.former.instead import (
    AUTH,
    CLIENT_CERT,
    CLIENT_KEY,
    MAX_SIZE,
    NAMESPACE,
    QUIRKS,
    SUBSCRIBED,
    TUNNEL,
    end,
    put,
    taken,
)
from mailsync.config.former.mbsyncrc import Section, Setting, parse
from mailsync.config.former.words import (
    FILL_IN,
    Converted,
    Draft,
    certificates,
    plain,
    whole,
    words_of,
    yes,
)
from mailsync.local.former import Places
from mailsync.model.errors import ConfigError

PROGRAM = "mbsync"

# Settings that have no counterpart, and what there is instead.
NONE = {
    "usercmd": "the user's name cannot come from a command: put it in as user",
    "usekeychain": "use password-command",
    "authmechs": "the best that the server offers is used; a token: see token-command",
    "tlsversions": "TLS 1.2 or newer is used",
    "systemcertificates": "the system's authorities count, unless tls-ca-file is set",
    "cipherstring": "the system's policy for TLS is used",
    "pipelinedepth": "mailsync chooses how many commands are on their way",
    "disableextensions": "some extensions can be left alone: see quirks",
    "usenamespace": "the server's personal namespace is always used",
    "pathdelimiter": "the server says what its delimiter is",
    "useutf8mailboxes": "mailboxes are directories in UTF-8: see `mailsync adopt --rename-folders`",
    "mapinbox": "INBOX is always the directory INBOX",
    "trashnewonly": "everything that is deleted goes to the trash",
    "trashremotenew": "what was only on the server is never deleted",
    "maxsize": "see max-size",
    "maxmessages": "messages are not counted, see max-age: those that had expired are fetched",
    "expireunread": "nothing expires",
    "expireside": "nothing expires",
    "copyarrivaldate": "the date of arrival is always kept, as the file's time",
    "altmap": "names of files do not matter: such a mailbox is taken over by content",
    "infodelimiter": 'new files have ":2,"; ";2," and "!2," are understood',
    "fielddelimiter": "new files have names of mailsync's own",
    "bufferlimit": "messages are streamed",
    "includecmd": "commands are not run to read a configuration: put its output in its place",
}
# What the rest of this module looks at, or what mailsync does of its own accord.
TAKEN = {
    *("host", "port", "user", "pass", "passcmd", "tlstype", "useimaps", "requiressl"),
    *("certificatefile", "timeout", "account", "path", "inbox", "subfolders", "trash"),
    *("subscribedonly", "flatten", "tunnel", "clientcertificate", "clientkey"),
    *("far", "near", "patterns", "create", "remove", "expunge", "expungesolo", "sync"),
    *("syncstate", "fsync", "channel"),
}
INSTEAD = {
    "maxsize": MAX_SIZE,
    "tunnel": TUNNEL,
    "clientcertificate": CLIENT_CERT,
    "clientkey": CLIENT_KEY,
    "authmechs": AUTH,
    "subscribedonly": SUBSCRIBED,
    "disableextensions": QUIRKS,
    "usenamespace": NAMESPACE,
}
Pairs = dict[tuple[str, str], tuple[Draft, Section]]  # stores -> account, its first channel
_GLOBAL = ("create", "remove", "expunge", "expungesolo", "sync", "syncstate", "fsync")


def convert(text: str, path: str) -> Converted:
    """Raises ConfigError for what mbsync could not read either."""
    sections = parse(text, path)
    made = Converted(PROGRAM, path)
    for section in sections:
        for one in section.settings:
            _judge(made, one)
    named = {(one.kind, one.name): one for one in sections}
    pairs: Pairs = {}
    for section in sections:
        if section.kind == "channel":
            _channel(made, section, sections[0], named, pairs)
        elif section.kind == "group":
            made.remark(section.line, f"Group {section.name}", "name accounts: `mailsync sync A B`")
    return made.end()


def _judge(made: Converted, one: Setting) -> None:
    if taken(INSTEAD.get(one.key), one.value) or (one.key == "authmechs" and one.value == "*"):
        return
    if one.key in NONE:
        made.remark(one.line, one.shown, NONE[one.key])
    elif one.key not in TAKEN:
        made.remark(one.line, one.shown, "has no counterpart")


def _channel(
    made: Converted,
    channel: Section,
    outside: Section,
    named: Mapping[tuple[str, str], Section],
    pairs: Pairs,
) -> None:
    sides = [_side(made, channel, key) for key in ("far", "near")]
    stores = [
        next((named[kind, store] for kind in _STORES if (kind, store) in named), None)
        for store, _ in sides
    ]
    if None in stores:
        missing = next(store for (store, _), found in zip(sides, stores, strict=True) if not found)
        raise ConfigError(f"{made.path}:{channel.line}: there is no store {missing!r}")
    (far, far_box), (near, near_box) = zip(stores, (box for _, box in sides), strict=True)
    assert far is not None
    assert near is not None
    swapped = far.kind == "maildirstore"
    if swapped:
        (far, far_box), (near, near_box) = (near, near_box), (far, far_box)
    if (far.kind, near.kind) != ("imapstore", "maildirstore"):
        made.remark(
            channel.line, f"Channel {channel.name}", "only IMAP with a Maildir can be synced"
        )
        return
    draft, first = pairs.get((far.name, near.name), (None, channel))
    if draft is None:
        draft = made.named(far.text("account") or channel.name)
        pairs[far.name, near.name] = draft, channel
        _server(made, draft, far, named)
        _maildir(made, draft, near)
        _rules(made, draft, channel, outside, far, swapped)
        account = named.get(("imapaccount", far.text("account")), far)
        for section in (channel, near, far, account, outside):  # the nearest counts
            for one in section.settings:
                if one.key in INSTEAD:
                    put(draft, INSTEAD[one.key], one.value)
        end(draft)
        draft.places = _places(channel, outside)
    else:
        _again(made, channel, first, outside)
    _mailboxes(made, draft, channel, far, near, (far_box, near_box))


_STORES = ("imapstore", "maildirstore", "imapaccount")


def _side(made: Converted, channel: Section, key: str) -> tuple[str, str]:
    """The store and the mailbox of `:store:mailbox`."""
    found = channel.of(key)
    parts = found.value.split(":", 2) if found is not None else []
    if len(parts) != 3 or parts[0]:
        line = channel.line if found is None else found.line
        raise ConfigError(f"{made.path}:{line}: {key.title()} must be like :STORE: or :STORE:BOX")
    return parts[1], parts[2]


def _server(
    made: Converted, draft: Draft, store: Section, named: Mapping[tuple[str, str], Section]
) -> None:
    account = named.get(("imapaccount", store.text("account")), store)

    def of(key: str) -> Setting | None:
        return account.of(key) or store.of(key)

    keys = draft.keys
    for key in ("host", "user"):
        found = of(key)
        keys[key] = FILL_IN if found is None else found.value
        if found is None:
            made.remark(account.line, account.shown, f"has no {key}: fill it in")
    _security(made, draft, of("tlstype"), of("useimaps"), of("requiressl"))
    if (port := of("port")) is not None and whole(port.value):
        keys["port"] = whole(port.value)
    if (command := of("passcmd")) is not None:
        keys["password-command"] = words_of(command.value.removeprefix("+"))
    elif (word := of("pass")) is not None:
        keys["password"] = word.value
    if (trusted := of("certificatefile")) is not None and keys["security"] != "none":
        certificates(made, draft, trusted.line, trusted.shown, trusted.value)
    if (timeout := of("timeout")) is not None and whole(timeout.value):
        keys["timeout"] = whole(timeout.value)


def _security(
    made: Converted,
    draft: Draft,
    kind: Setting | None,
    imaps: Setting | None,
    required: Setting | None,
) -> None:
    if kind is not None:
        word = kind.value.lower()
        draft.keys["security"] = "tls" if word == "imaps" else "starttls"
        if word == "none":
            plain(made, draft, kind.line, kind.shown)
    elif imaps is not None:
        draft.keys["security"] = "tls" if yes(imaps.value) else "starttls"
    else:
        draft.keys["security"] = "starttls"
    if required is not None and not yes(required.value):
        made.remark(required.line, required.shown, "TLS is always required")


def _maildir(made: Converted, draft: Draft, store: Section) -> None:
    path, inbox, style = (store.text(key) for key in ("path", "inbox", "subfolders"))
    inbox = inbox or "~/Maildir"
    if style.lower() == "maildir++":
        draft.keys["maildir"] = inbox.rstrip("/")
        draft.keys["layout"] = "maildir++"
        return
    if style.lower() == "legacy":
        found = store.of("subfolders")
        assert found is not None
        made.remark(found.line, found.shown, f"a tree of {style} cannot be read")
    draft.keys["maildir"] = path.rstrip("/") or inbox.rstrip("/")
    wanted = os.path.join(path, "INBOX")
    if os.path.normpath(os.path.expanduser(inbox)) != os.path.normpath(os.path.expanduser(wanted)):
        draft.inbox = inbox
        found = store.of("inbox")
        line, shown = (store.line, "Inbox") if found is None else (found.line, found.shown)
        made.remark(line, shown, f"INBOX is at {inbox}, and must be at {wanted}: move it there")


def _places(channel: Section, outside: Section) -> Places:
    where = channel.text("syncstate") or outside.text("syncstate")
    if where == "*":
        return Places()
    if where:
        return Places((os.path.expanduser(where),))
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Places((f"{os.path.expanduser('~')}/.mbsync/", f"{state}/isync/"))


def _rules(
    made: Converted, draft: Draft, channel: Section, outside: Section, far: Section, swapped: bool
) -> None:
    """What is carried across, and how deletions are."""

    def of(key: str) -> Setting | None:
        return channel.of(key) or outside.of(key)

    keys = draft.keys
    _direction(made, draft, of("sync"), swapped)
    far_word = "near" if swapped else "far"
    expunge = of("expunge")
    sides = set(expunge.value.lower().split()) if expunge is not None else {"none"}
    trash = far.of("trash")
    if trash is not None:
        keys["trash"] = trash.value
        keys["deletions"] = "trash"
    elif sides & {"both", far_word, "master" if far_word == "far" else "slave"}:
        keys["deletions"] = "expunge"
    else:
        keys["deletions"] = "keep"
        line, shown = (channel.line, "Expunge") if expunge is None else (expunge.line, "Expunge")
        made.remark(
            line,
            shown,
            "what is deleted here is not marked \\Deleted on the server, it just stays there "
            '(deletions = "keep")',
        )
    if "none" not in sides:
        keys["expunge-deleted"] = True
    for key in ("create", "remove"):
        found = of(key)
        if key == "create" and (found is None or found.value.lower() != "both"):
            line = channel.line if found is None else found.line
            made.remark(line, "Create", "a mailbox of one side is always made on the other")
        elif key == "remove" and found is not None and found.value.lower() != "none":
            made.remark(
                found.line, found.shown, "a mailbox is removed only after `mailsync accept`"
            )
    if (fsync := of("fsync")) is not None and not yes(fsync.value):
        keys["fsync"] = False


def _direction(made: Converted, draft: Draft, sync: Setting | None, swapped: bool) -> None:
    words = {word.lower() for word in sync.words} if sync is not None else {"all"}
    pull, push = ("push", "pull") if swapped else ("pull", "push")
    if words <= {"all", "full"} or {pull, push} == words:
        return
    if words <= {pull, "all", "full"}:
        draft.keys["direction"] = "pull"
    elif words <= {push, "all", "full"}:
        draft.keys["direction"] = "push"
    elif sync is not None:
        if all(word.startswith("pull") for word in words):
            draft.keys["direction"] = push if swapped else pull
        made.remark(
            sync.line, sync.shown, "single operations cannot be left out: all are carried across"
        )


def _again(made: Converted, channel: Section, first: Section, outside: Section) -> None:
    """Another channel between the same stores: its mailboxes belong to the same account."""
    for one in channel.settings:
        had = first.of(one.key) or outside.of(one.key)
        if one.key in _GLOBAL and (had is None or had.value.lower() != one.value.lower()):
            made.remark(
                one.line, one.shown, "counts for the whole account, as its first channel says"
            )


def _mailboxes(
    made: Converted, draft: Draft, channel: Section, far: Section, near: Section, boxes: Two
) -> None:
    """Which mailboxes the channel is about, by their names here."""
    patterns = channel.of("patterns")
    if patterns is None:
        words = [_one_mailbox(made, draft, channel, far, boxes)]
    else:
        words = list(patterns.words)
        if words and all(word.startswith("!") for word in words):
            words.insert(0, "*")
        words = _many_mailboxes(made, draft, channel, (far, near), boxes, words)
    have = draft.words("mailboxes")
    have += [word for word in words if word not in have]


def _one_mailbox(made: Converted, draft: Draft, channel: Section, far: Section, boxes: Two) -> str:
    name, here = (box or "INBOX" for box in boxes)
    there = name if name == "INBOX" else _prefix(far) + name
    if there == here:
        return here
    draft.renamed[here] = there
    if "INBOX" not in (there, here):
        draft.rule(there, here)
        return here
    made.remark(
        channel.line,
        f"Channel {channel.name}",
        f"INBOX is INBOX on both sides: {there} cannot be {here} here",
    )
    return there


def _many_mailboxes(
    made: Converted,
    draft: Draft,
    channel: Section,
    stores: tuple[Section, Section],
    boxes: Two,
    words: list[str],
) -> list[str]:
    """What stands behind the stores is what names begin with, letter by letter: `Archive` is for
    Archive itself, for Archive/2020 and for Archive2."""
    (far, near), (there, here) = stores, boxes
    flatten = near.text("flatten")
    if there and not there.endswith("/"):
        if here and not here.endswith("/"):
            draft.rule(_prefix(far) + there, _flat(here, flatten))
        elif not here:
            there += "/"
    draft.rule(f"{_prefix(far)}{there}*", f"{_flat(here, flatten)}*", flatten)
    if there and not here:
        what = "what is not below it on the server is synced, too, unless mailboxes leaves it out"
        made.remark(channel.line, f"Channel {channel.name}", what)
    elif here and not there and any(word in ("INBOX", "*") for word in words):
        what = f"INBOX is INBOX on both sides: it cannot be {here}INBOX here, and is left out"
        made.remark(channel.line, f"Channel {channel.name}", what)
    return [_behind(word, here, flatten) for word in words]


Two = tuple[str, str]  # the far mailbox and the near one


def _prefix(far: Section) -> str:
    """What the names of the store have on the server before them; "" for the namespace's own."""
    path = far.text("path")
    return "" if path in ("INBOX.", "INBOX/") else path


def _behind(pattern: str, start: str, flatten: str) -> str:
    negated = "!" if pattern.startswith("!") else ""
    return negated + _flat(start + pattern.removeprefix("!"), flatten)


def _flat(name: str, flatten: str) -> str:
    return name.replace("/", flatten) if flatten else name

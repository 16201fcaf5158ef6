"""The configurations of mbsync and OfflineIMAP in our words; every setting that has no counterpart
is named with its line."""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from mailsync import config
from mailsync.config.former import Converted, convert, found
from mailsync.config.former import mbsync as mbsync_config
from mailsync.config.former import offlineimap as offlineimap_config
from mailsync.config.former.mbsyncrc import parse
from mailsync.config.former.offlineimap import filtered
from mailsync.config.former.words import words_of
from mailsync.model.errors import ConfigError

MBSYNC = """\
# mine
SyncState *
Create Both
Expunge Both

IMAPAccount work
Host imap.example.org
Port 993
User "me@example.org"
PassCmd "pass show mail/me"
SSLType IMAPS
Timeout 30

IMAPStore work-far
Account work
Trash Trash

MaildirStore work-near
Path ~/Mail/work/
Inbox ~/Mail/work/INBOX
SubFolders Verbatim

Channel work
Far :work-far:
Near :work-near:
Patterns * "!Junk Mail" ![Gmail]*
"""

OFFLINEIMAP = """\
[general]
accounts = Me, You
metadata = ~/.oi
socktimeout = 45

[Account Me]
localrepository = Here
remoterepository = There

[Repository Here]
type = Maildir
localfolders = ~/Mail/me
sep = /

[Repository There]
type = IMAP
remotehost = imap.example.org
remoteuser = me@example.org
remotepassfile = ~/.secret
sslcacertfile = OS-DEFAULT

[Account You]
localrepository = Here2
remoterepository = Gmail

[Repository Here2]
type = Maildir
localfolders = ~/Mail/you

[Repository Gmail]
type = Gmail
remoteuser = you@gmail.com
remotepass = geheim
"""


def accounts(made: Converted, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What stands in the file that it makes, which `config` accepts."""
    path = tmp_path / "mailsync.conf"
    path.write_text(made.toml())
    path.chmod(0o600)
    config.load(str(path))
    tree = tomllib.loads(made.toml())
    assert list(tree) == ["accounts"]
    return dict(tree["accounts"])


def mbsync(text: str) -> Converted:
    return mbsync_config.convert(text, "rc")


def offlineimap(text: str) -> Converted:
    return offlineimap_config.convert(text, "rc")


# -- mbsync ------------------------------------------------------------------------------------


def test_an_mbsyncrc(tmp_path: Path) -> None:
    made = mbsync(MBSYNC)
    assert made.remarks == []
    assert accounts(made, tmp_path) == {
        "work": {
            "host": "imap.example.org",
            "port": 993,
            "security": "tls",
            "user": "me@example.org",
            "password-command": ["pass", "show", "mail/me"],
            "timeout": 30,
            "maildir": "~/Mail/work",
            "mailboxes": ["*", "!Junk Mail", "![Gmail]*"],
            "deletions": "trash",
            "expunge-deleted": True,
            "trash": "Trash",
        }
    }
    assert not made.secret
    assert made.draft_of(os.path.expanduser("~/Mail/work")) is made.drafts[0]
    assert made.drafts[0].places.sync_states == ()
    assert made.draft_of("/elsewhere") is None


def changed(old: str, new: str, tmp_path: Path) -> tuple[dict[str, Any], list[str]]:
    assert old in MBSYNC
    made = mbsync(MBSYNC.replace(old, new))
    (keys,) = accounts(made, tmp_path).values()
    return keys, made.remarks


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ('PassCmd "pass show mail/me"', "Pass geheim", "password", "geheim"),
        ('PassCmd "pass show mail/me"', "PassCmd +pass", "password-command", ["pass"]),
        ('"pass show mail/me"', '"a | b"', "password-command", ["sh", "-c", "a | b"]),
        ('"pass show mail/me"', r'"say \"x y\""', "password-command", ["say", "x y"]),
        ("SSLType IMAPS", "TLSType STARTTLS", "security", "starttls"),
        ("SSLType IMAPS\n", "", "security", "starttls"),
        ("SSLType IMAPS", "UseIMAPS yes", "security", "tls"),
        ("Timeout 30", "Timeout 30\nCertificateFile /x/ca.pem", "tls-ca-file", "/x/ca.pem"),
        ("Trash Trash\n", "", "deletions", "expunge"),
        ("Patterns", "FSync no\nPatterns", "fsync", False),
        ("Patterns", "MaxSize 1m\nPatterns", "max-size", "1000K"),
        ("Patterns", "MaxSize 300\nPatterns", "max-size", "1K"),
        ("Trash Trash", "Trash Trash\nMaxSize 2Kb", "max-size", "3K"),
        (
            "Port 993",
            "Port 993\nDisableExtension MOVE COMPRESS=DEFLATE",
            "quirks",
            ["no-move", "no-compress"],
        ),
        ("Trash Trash", "Trash Trash\nUseNamespace no", "quirks", ["no-namespace"]),
        (
            "Port 993",
            "Port 993\nDisableExtension MOVE\nUseNamespace no",
            "quirks",
            ["no-move", "no-namespace"],
        ),
        (
            "Trash Trash",
            "Trash Trash\nPath Mail/",
            "mailbox-names",
            [{"server": "Mail/*", "here": "*"}],
        ),
        (
            "Far :work-far:\n",
            "Far :work-far:sub\n",
            "mailbox-names",
            [{"server": "sub/*", "here": "*"}],
        ),
        ("Trash Trash", "Trash Trash\nSubscribedOnly yes", "subscribed-only", True),
        ("Patterns", "Sync Pull\nPatterns", "direction", "pull"),
        ("Patterns", "Sync Push\nPatterns", "direction", "push"),
        ("Patterns", "Sync PullNew PullFlags\nPatterns", "direction", "pull"),
        ("Patterns *", "Patterns", "mailboxes", ["*", "!Junk Mail", "![Gmail]*"]),
        ("Far :work-far:\nNear :work-near:", "Master :work-far:\nSlave :work-near:", "port", 993),
    ],
)
def test_one_setting_of_mbsync(old: str, new: str, key: str, value: object, tmp_path: Path) -> None:
    keys, _ = changed(old, new, tmp_path)
    assert keys[key] == value


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("Port 993", "Port 993\nPipelineDepth 5", 9, "PipelineDepth: "),
        ("Port 993", "Port 993\nAuthMechs XOAUTH2", 9, "AuthMechs: "),
        ("Port 993", "Port 993\nFrobnicate yes", 9, "Frobnicate: has no counterpart"),
        ("SSLType IMAPS", "SSLType None", 11, "allow-plaintext"),
        ("SSLType IMAPS", "RequireSSL no", 11, "TLS is always required"),
        ("Trash Trash", "Trash Trash\nMaxSize huge", 17, "MaxSize: "),
        ("Port 993", "Port 993\nDisableExtension MOVE FROB", 9, "DisableExtension: "),
        ("~/Mail/work/INBOX", "~/Maildir", 20, "must be at ~/Mail/work/INBOX"),
        ("Inbox ~/Mail/work/INBOX\n", "", 18, "INBOX is at ~/Maildir"),
        ("Verbatim", "Legacy", 21, "Legacy"),
        ("Create Both", "Create Near", 3, "is always made on the other"),
        ("Create Both", "Create Both\nRemove Both", 4, "mailsync accept"),
        ("Create Both\n", "", 22, "is always made on the other"),
        ("Patterns", "Sync New Flags\nPatterns", 26, "single operations"),
        ("Patterns *", "MaxMessages 100\nPatterns *", 26, "MaxMessages: "),
    ],
)
def test_what_has_no_counterpart_in_mbsync(
    old: str, new: str, place: int, words: str, tmp_path: Path
) -> None:
    if new == "SSLType None":
        made = mbsync(MBSYNC.replace(old, new))
        assert "security" in made.drafts[0].keys
        remarks = made.remarks
    else:
        _, remarks = changed(old, new, tmp_path)
    assert [one for one in remarks if one.startswith(f"rc:{place}: ") and words in one], remarks


def test_dotted_directories_are_a_layout_of_their_own() -> None:
    keys = mbsync(MBSYNC.replace("Verbatim", "Maildir++")).drafts[0].keys
    assert (keys["layout"], keys["maildir"]) == ("maildir++", "~/Mail/work/INBOX")


def test_without_expunge_nothing_is_deleted_on_the_server(tmp_path: Path) -> None:
    made = mbsync(MBSYNC.replace("Expunge Both\n", "").replace("Trash Trash\n", ""))
    (keys,) = accounts(made, tmp_path).values()
    assert keys["deletions"] == "keep"
    assert "expunge-deleted" not in keys
    assert [one for one in made.remarks if "Expunge" in one]


OLD = {"server": "Old", "here": "old"}


@pytest.mark.parametrize(
    ("there", "here", "more", "rules", "boxes"),
    [
        ("Old", "old", "", [OLD, {"server": "Old*", "here": "old*"}], ["old*", "!old/x"]),
        ("Old/", "old/", "", [{"server": "Old/*", "here": "old/*"}], ["old/*", "!old//x"]),
        ("Old", "old/", "", [{"server": "Old*", "here": "old/*"}], ["old/*", "!old//x"]),
        ("Old/", "", "", [{"server": "Old/*", "here": "*"}], ["*", "!/x"]),
        ("", "old/", "", [{"server": "*", "here": "old/*"}], ["old/*", "!old//x"]),
        (
            "A/B",
            "a/b",
            "Flatten .\n",
            [{"server": "A/B", "here": "a.b"}, {"server": "A/B*", "here": "a.b*", "flatten": "."}],
            ["a.b*", "!a.b.x"],
        ),
    ],
)
def test_what_stands_behind_the_stores_is_a_start_of_names(
    there: str,
    here: str,
    more: str,
    rules: list[dict[str, str]],
    boxes: list[str],
    tmp_path: Path,
) -> None:
    """Letter by letter, and the mailbox of that name is one of them."""
    text = MBSYNC.replace('Patterns * "!Junk Mail" ![Gmail]*', "Patterns * !/x").replace(
        "Far :work-far:\nNear :work-near:", f"Far :work-far:{there}\nNear :work-near:{here}"
    )
    made = mbsync(text.replace("SubFolders Verbatim\n", "SubFolders Verbatim\n" + more))
    (keys,) = accounts(made, tmp_path).values()
    assert (keys["mailbox-names"], keys["mailboxes"]) == (rules, boxes)
    said = "\n".join(made.remarks)
    assert ("what is not below it on the server" in said) == (not here)
    assert ("it cannot be old/INBOX here" in said) == (not there)


def test_channels_of_the_same_stores_are_one_account(tmp_path: Path) -> None:
    text = MBSYNC.replace('Patterns * "!Junk Mail" ![Gmail]*\n', "") + (
        "\nChannel sent\nFar :work-far:Sent\nNear :work-near:Sent\nExpunge None\n"
        "\nChannel odd\nFar :work-far:Old\nNear :work-near:older\n"
        "\nGroup all\nChannel work\nChannel sent\n"
    )
    made = mbsync(text)
    (keys,) = accounts(made, tmp_path).values()
    assert keys["mailboxes"] == ["INBOX", "Sent", "older"]
    assert keys["mailbox-names"] == [{"server": "Old", "here": "older"}]
    said = "\n".join(made.remarks)
    assert made.drafts[0].renamed == {"older": "Old"}
    assert "Group all" in said
    assert "counts for the whole account" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('IMAPAccount "x\n', "rc:1: a quotation mark"),
        ("IMAPAccount\n", "rc:1: IMAPAccount without a name"),
        ("Channel x\nNear :a:\n", "rc:1: Far must be like"),
        ("Channel x\nFar work\nNear :a:\n", "rc:2: Far must be like"),
        ("Channel x\nFar :b:\nNear :a:\n", "rc:1: there is no store 'b'"),
    ],
)
def test_what_mbsync_could_not_read_either(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        mbsync(text)


def test_two_maildirs_are_no_account_and_what_is_missing_is_to_be_filled_in() -> None:
    text = (
        "MaildirStore a\nPath ~/a/\n\nMaildirStore b\nPath ~/b/\n\nChannel c\nFar :a:\nNear :b:\n"
    )
    made = mbsync(text)
    assert made.drafts == []
    assert "only IMAP with a Maildir" in made.remarks[0]
    made = mbsync(MBSYNC.replace("Host imap.example.org\n", ""))
    assert made.drafts[0].keys["host"] == "FILL-IN"
    assert "rc:6: IMAPAccount work: has no host" in made.remarks[0]


def test_words_of_mbsync() -> None:
    (outside, box) = parse('a "b c"d e\\ f # x\n\nIMAPStore "x y"\nHost "h#1" #c\n', "rc")
    assert outside.settings[0].words == ("b cd", "e f")
    assert (box.name, box.text("host"), box.text("none")) == ("x y", "h#1", "")


# -- OfflineIMAP -------------------------------------------------------------------------------


def test_an_offlineimaprc(tmp_path: Path) -> None:
    made = offlineimap(OFFLINEIMAP)
    assert accounts(made, tmp_path) == {
        "Me": {
            "host": "imap.example.org",
            "security": "tls",
            "user": "me@example.org",
            "password-file": "~/.secret",
            "timeout": 45,
            "maildir": "~/Mail/me",
            "deletions": "expunge",
        },
        "You": {
            "host": "imap.gmail.com",
            "security": "tls",
            "user": "you@gmail.com",
            "password": "geheim",
            "timeout": 45,
            "maildir": "~/Mail/you",
            "mailbox-names": [{"server": "*", "here": "*", "flatten": "."}],
        },
    }
    assert made.secret
    draft = made.draft_of(os.path.expanduser("~/Mail/me"))
    assert draft is not None
    at = draft.places
    assert (at.account, at.repository, at.metadata) == ("Me", "There", os.path.expanduser("~/.oi"))


@pytest.mark.parametrize(
    ("new", "key", "value"),
    [("maxsize = 2000000", "max-size", "2000K"), ("maxage = 30", "max-age", "30d")],
)
def test_one_setting_of_an_account(new: str, key: str, value: str, tmp_path: Path) -> None:
    made = offlineimap(
        OFFLINEIMAP.replace("remoterepository = There", f"remoterepository = There\n{new}")
    )
    assert accounts(made, tmp_path)["Me"][key] == value
    assert not [one for one in made.remarks if ":9:" in one]


@pytest.mark.parametrize(
    "new", ["maxage = 2024-01-01", "postsynchook = notmuch new", "maxsize = 0"]
)
def test_a_setting_of_an_account_without_counterpart(new: str, tmp_path: Path) -> None:
    made = offlineimap(
        OFFLINEIMAP.replace("remoterepository = There", f"remoterepository = There\n{new}")
    )
    assert not {"max-age", "max-size"} & accounts(made, tmp_path)["Me"].keys()
    assert [one for one in made.remarks if one.startswith("rc:9: ")]


HASH = "ab" * 32


@pytest.mark.parametrize(
    ("new", "key", "value"),
    [
        ("ssl = no", "security", "starttls"),
        ("remoteport = 1993", "port", 1993),
        (f"cert_fingerprint = {HASH}", "tls-fingerprint", f"sha256:{HASH}"),
        ("readonly = True", "direction", "pull"),
        ("subscribedonly = yes", "subscribed-only", True),
        ("sync_deletes = no", "deletions", "keep"),
        ("folderfilter = lambda f: f not in ['Junk', 'a/b']", "mailboxes", ["*", "!Junk", "!a/b"]),
        ("folderfilter = lambda f: f in [\n  'INBOX',\n  'Sent']", "mailboxes", ["INBOX", "Sent"]),
    ],
)
def test_one_setting_of_offlineimap(new: str, key: str, value: object, tmp_path: Path) -> None:
    made = offlineimap(OFFLINEIMAP.replace("sslcacertfile = OS-DEFAULT", new))
    assert accounts(made, tmp_path)["Me"][key] == value


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("nametrans = lambda f: __import__('os').system('touch ran')", "Python is never run"),
        ("folderfilter = lambda f: open('ran', 'w')", "Python is never run"),
        ("remotepasseval = open('ran', 'w')", "password-command"),
        ("auth_mechanisms = XOAUTH2", "see token-command"),
        ("cert_fingerprint = 0123456789012345678901234567890123456789", "SHA-256"),
        ("frobnicate = 1", "frobnicate: has no counterpart"),
        ("customflag_b = Work", 'dovecot-keywords in the mailbox has the line "1 Work"'),
        ("customflag_zz = Work", "has no counterpart"),
        ("sslcacertfile = /nowhere/ca.pem", "instead of the system's"),
    ],
)
def test_what_has_no_counterpart_in_offlineimap(
    new: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = offlineimap(OFFLINEIMAP.replace("sslcacertfile = OS-DEFAULT", new))
    accounts(made, tmp_path)
    assert [one for one in made.remarks if one.startswith("rc:20: ") and words in one], made.remarks
    assert not (tmp_path / "ran").exists()


def test_separators_sections_and_other_repositories_are_said() -> None:
    made = offlineimap(OFFLINEIMAP.replace("sep = /", "sep = .") + "\n[mbnames]\nenabled = yes\n")
    assert made.drafts[0].rules == [{"server": "*", "here": "*", "flatten": "."}]
    assert made.remarks[-1].startswith("rc:35: [mbnames]: ")
    made = offlineimap(
        OFFLINEIMAP.replace("type = Maildir\nlocalfolders = ~/Mail/me", "type = IMAP")
    )
    assert [draft.name for draft in made.drafts] == ["You"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello\n", "rc:1: not a configuration of OfflineIMAP"),
        ("[general]\nfoo\n", "rc:2: not a configuration"),
        ("[x]\n", "rc:1: not a configuration"),
        ("[general]\naccounts = A\n", "rc:2: there is no section [Account A]"),
        ("[general]\naccounts = A\n[Account A]\n", "rc:3: there is no section [Repository ]"),
    ],
)
def test_what_offlineimap_could_not_read_either(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        offlineimap(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lambda f: not f in ['a']", ["*", "!a"]),
        ("lambda f: not f not in ['a']", ["a"]),
        ("lambda f: f in []", None),
        ("lambda f: f in ['a*']", None),
        ("lambda f: f in [a]", None),
        ("lambda f: f in names", None),
        ("lambda f: g in ['a']", None),
        ("lambda f, g: f in ['a']", None),
        ("lambda f: f == 'a'", None),
        ("lambda f: True", None),
        ("len", None),
        ("lambda f: (", None),
    ],
)
def test_a_filter_is_a_list_of_names_or_nothing(text: str, expected: list[str] | None) -> None:
    assert filtered(text) == expected


# -- whatever stands in them ------------------------------------------------------------------


def pieces(*texts: str) -> st.SearchStrategy[str]:
    """Lines of real configurations in any order, some with anything at all in them."""
    lines = sorted({line for text in texts for line in text.splitlines()})
    odd = st.tuples(st.sampled_from(lines), st.text(max_size=8)).map(" ".join)
    return st.lists(st.sampled_from(lines) | odd | st.text(max_size=20), max_size=40).map("\n".join)


@given(pieces(MBSYNC) | st.text())
def test_any_mbsyncrc_is_converted_or_refused_in_a_line(text: str) -> None:
    with contextlib.suppress(ConfigError):
        tomllib.loads(mbsync(text).toml())


@given(pieces(OFFLINEIMAP) | st.text())
def test_any_offlineimaprc_is_converted_or_refused_in_a_line(text: str) -> None:
    with contextlib.suppress(ConfigError):
        tomllib.loads(offlineimap(text).toml())


# -- both --------------------------------------------------------------------------------------


def test_a_certificate_of_the_server_itself_may_be_pinned(tmp_path: Path) -> None:
    leaf = trustme.CA().issue_cert("localhost")
    path = tmp_path / "server.pem"
    leaf.cert_chain_pems[0].write_to_path(str(path))
    text = MBSYNC.replace("Timeout 30", f"Timeout 30\nCertificateFile {path}")
    assert 'tls-fingerprint = "sha256:' in mbsync(text).remarks[0]


def test_two_accounts_in_one_maildir_are_said() -> None:
    made = offlineimap(OFFLINEIMAP.replace("~/Mail/you", "~/Mail/me"))
    assert "You and Me: two accounts cannot share a Maildir" in "".join(made.remarks)


def test_names_and_texts_that_toml_must_quote(tmp_path: Path) -> None:
    text = MBSYNC.replace("IMAPAccount work", 'IMAPAccount "my work!"')
    text = text.replace("Account work\nTrash", 'Account "my work!"\nTrash')
    made = mbsync(text.replace('"pass show mail/me"', "x").replace("PassCmd", "Pass"))
    made.drafts[0].keys["password"] = 'quote " back \\ tab\u00e4\x7f'
    tree = tomllib.loads(made.toml())
    assert tree["accounts"]["my-work-"]["password"] == 'quote " back \\ tab\u00e4\x7f'


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pass show x", ["pass", "show", "x"]),
        ("gpg -q 'a b'", ["gpg", "-q", "a b"]),
        ("A=1 pass", ["sh", "-c", "A=1 pass"]),
        ("cat ~/.secret", ["sh", "-c", "cat ~/.secret"]),
        ("echo 'open", ["sh", "-c", "echo 'open"]),
    ],
)
def test_commands(command: str, words: list[str]) -> None:
    assert words_of(command) == words


def test_where_the_programs_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert found() == []
    (tmp_path / ".config" / "offlineimap").mkdir(parents=True)
    (tmp_path / ".config" / "offlineimap" / "config").write_text(OFFLINEIMAP)
    (tmp_path / ".config" / "isyncrc").write_text(MBSYNC)
    assert [program for program, _ in found()] == ["mbsync", "offlineimap"]
    (tmp_path / ".mbsyncrc").write_text(MBSYNC)
    path = str(tmp_path / ".mbsyncrc")
    assert found()[0] == ("mbsync", path)
    assert convert("mbsync", path).drafts[0].name == "work"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "rc"
    with pytest.raises(ConfigError, match="cannot be read"):
        convert("mbsync", str(path))
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(ConfigError, match=r"rc:2: this is not UTF-8"):
        convert("mbsync", str(path))
    path.write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="larger"):
        convert("mbsync", str(path))


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("AuthMechs PLAIN", {"auth": "plain"}),
        ("AuthMechs SCRAM-SHA-256", {"auth": "scram-sha-256"}),
        ("AuthMechs *", {}),
        ("AuthMechs PLAIN LOGIN", {}),
        ("AuthMechs EXTERNAL", {}),
        (
            "AuthMechs EXTERNAL\nClientCertificate /c\nClientKey /k",
            {"auth": "external", "tls-client-cert": "/c", "tls-client-key": "/k"},
        ),
        ("AuthMechs XOAUTH2", {"auth": "xoauth2", "token-command": ["pass", "show", "mail/me"]}),
        ('Tunnel "ssh h imapd"', {"tunnel": ["ssh", "h", "imapd"]}),
    ],
)
def test_ways_to_log_in_of_mbsync(line: str, keys: dict[str, object], tmp_path: Path) -> None:
    made = mbsync(MBSYNC.replace("Port 993", f"Port 993\n{line}"))
    (draft,) = made.drafts
    kinds = ("auth", "token-command", "tunnel", "tls-client-cert", "tls-client-key")
    assert {key: draft.keys[key] for key in kinds if key in draft.keys} == keys
    assert ("password-command" in draft.keys) == ("token-command" not in keys)
    accounts(made, tmp_path)


def test_a_token_of_nowhere_is_left_to_be_named() -> None:
    made = mbsync(MBSYNC.replace('PassCmd "pass show mail/me"', "AuthMechs XOAUTH2"))
    assert "auth" not in made.drafts[0].keys
    assert any("see token-command" in one for one in made.remarks)

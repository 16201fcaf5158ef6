"""mailsync.conf: what it may say, and how each mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailsync import config
from mailsync.config.account import is_loopback
from mailsync.config.patterns import rules_of
from mailsync.model.errors import ConfigError
from mailsync.model.layout import Layout
from mailsync.model.settings import (
    Account,
    Day,
    Deletions,
    Direction,
    Guard,
    Proxy,
    Rules,
    Secret,
    Security,
)

LEAST = """\
[accounts.personal]
host = "imap.example.org"
user = "me"
maildir = "/m"
"""


def write(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "mailsync.conf"
    path.write_text(text, encoding="utf-8", newline="")
    path.chmod(mode)
    return str(path)


def load(folder: Path, text: str, mode: int = 0o600) -> config.Config:
    return config.load(write(folder, text, mode), {"XDG_STATE_HOME": "/s"})


def one(folder: Path, more: str = "") -> Account:
    return load(folder, LEAST + more).accounts[0]


def mistakes(folder: Path, text: str, mode: int = 0o600) -> list[str]:
    """The complaints without the folder."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, mode)
    assert caught.value.exit == 2
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_the_least_that_works_has_the_defaults_of_settings(tmp_path: Path) -> None:
    assert one(tmp_path) == Account(
        name="personal",
        host="imap.example.org",
        port=993,
        user="me",
        maildir=Path("/m"),
        state=Path("/s/mailsync/personal"),
    )


def test_every_key(tmp_path: Path) -> None:
    text = """\
state = "/elsewhere"
[accounts."me@work"]
host = "[::1]"
port = 1143
security = "starttls"
allow-plaintext = true
user = "me"
password-command = ["pass", "show", "x"]
auth = "scram-sha-1"
tls-client-cert = "me.pem"
tls-client-key = "me.key"
proxy = "socks5://me:w%%40rd@[::1]:1080"
tls-ca-file = "ca.pem"
tls-fingerprint = "SHA256:AB:%s"
timeout = 5
connections = 3
download-per-day = "2 G"
upload-per-day = "off"
compress = false
maildir = "~/Mail"
layout = "maildir++"
fsync = false
mailboxes = ["*", "!Junk"]
direction = "pull"
deletions = "expunge"
max-size = "25M"
max-age = "2 w"
expunge-deleted = true
trash = "Bin"
guard = "12.5%%"
undelete-days = 0
append-wait = 3
quirks = ["no-move", "!*"]
on-new-mail = ["notify-send", "new"]
on-change = ["notmuch", "new"]
on-error = ["logger", "mailsync"]
hook-timeout = 7
"""
    text = text % ":".join(["cd"] * 31)
    text = text.replace('"SHA256:', '"sha256:')
    assert load(tmp_path, text).accounts == (
        Account(
            name="me@work",
            host="::1",
            port=1143,
            user="me",
            maildir=Path.home() / "Mail",
            state=Path("/elsewhere/me@work"),
            security=Security.STARTTLS,
            allow_plaintext=True,
            secret=Secret(command=("pass", "show", "x")),
            auth="scram-sha-1",
            tls_client_cert=tmp_path / "me.pem",
            tls_client_key=tmp_path / "me.key",
            proxy=Proxy("::1", 1080, "me", "w@rd"),
            tls_ca_file=tmp_path / "ca.pem",
            tls_fingerprint="ab" + "cd" * 31,
            timeout=5.0,
            connections=3,
            download_per_day=2_000_000_000,
            upload_per_day=Day.OFF,
            compress=False,
            layout=Layout.MAILDIRPP,
            fsync=False,
            mailboxes=("*", "!Junk"),
            direction=Direction.PULL,
            deletions=Deletions.EXPUNGE,
            max_size=25_000_000,
            max_age=14,
            expunge_deleted=True,
            trash="Bin",
            guard=Guard(0.125),
            undelete_days=0,
            append_wait=3.0,
            quirks=("no-move", "!*"),
            on_new_mail=("notify-send", "new"),
            on_change=("notmuch", "new"),
            on_error=("logger", "mailsync"),
            hook_timeout=7.0,
        ),
    )


SECTIONS = """
[accounts.personal.mailboxes]
select = ["*", "!Junk"]
[accounts.personal.mailboxes."Archive/*"]
direction = "pull"
max-age = "1y"
[accounts.personal.mailboxes."Archive/2026"]
max-age = "off"
max-size = "10K"
deletions = "keep"
"""


def test_sections(tmp_path: Path) -> None:
    """Key by key the last one that matches and says it."""
    account = one(tmp_path, 'deletions = "expunge"\nmax-size = "1G"\n' + SECTIONS)
    assert account.mailboxes == ("*", "!Junk")
    assert rules_of(account, "INBOX") == Rules(deletions=Deletions.EXPUNGE, max_size=10**9)
    assert rules_of(account, "Archive/2020") == Rules(Direction.PULL, Deletions.EXPUNGE, 10**9, 365)
    assert rules_of(account, "Archive/2026") == Rules(Direction.PULL, Deletions.KEEP, 10_000, None)


def test_sections_without_a_list_of_patterns(tmp_path: Path) -> None:
    account = one(tmp_path, 'mailboxes = { "inbox" = { direction = "push" } }\n')
    assert account.mailboxes == ("*",)
    assert rules_of(account, "INBOX").direction is Direction.PUSH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["A"]\nmax-sise = "1M"', '."A".max-sise: unknown key; did you mean "max-size"?'),
        ('["A"]\nguard = "off"', '."A".guard: holds for an account as a whole, not for mailboxes'),
        (
            '["!A"]\nmax-size = "1M"',
            '."!A": a section is for mailboxes, "!" leaves out: see select',
        ),
        ('[""]\nmax-size = "1M"', ".: a section's name is a pattern of mailboxes"),
        (
            '["A"]\n',
            ".A: the section is empty: it may have direction, deletions, max-size, max-age",
        ),
        (
            '["A"]\nmax-age = 90',
            '.A.max-age: must be a time like "90d", "26w" or "2y", or "off", not 90',
        ),
        (
            "\npatterns = ['*']",
            ".patterns: is no section: a section is a table; "
            "the list of patterns is select = [...]",
        ),
        ("\nx = 1", ".x: is no section: a section is a table"),
        (
            "\nselect = '*'",
            '.select: must be a list of patterns, like ["*", "!Junk"], not "*"',
        ),
    ],
)
def test_mistakes_in_sections(tmp_path: Path, text: str, said: str) -> None:
    head = "[accounts.personal.mailboxes"
    made = f"{head}.{text[1:]}" if text.startswith("[") else f"{head}]{text}"
    (told,) = mistakes(tmp_path, f"{LEAST}{made}\n")
    place = "accounts.personal.mailboxes"
    assert told.partition(": ")[2] == place + said.replace('."A"', ".A").replace('."!A"', ".!A")


@pytest.mark.parametrize(
    "text",
    [
        'mailboxes = ["*"]\n[accounts.personal.mailboxes."A"]\nmax-size = "1M"\n',
        'mailboxes.A = { max-size = "1M" }\nmailboxes = ["*"]\n',
    ],
)
def test_a_list_and_sections_at_once(tmp_path: Path, text: str) -> None:
    """TOML's own words for it would help nobody."""
    (told,) = mistakes(tmp_path, LEAST + text)
    assert told == (
        "mailsync.conf:6: this is not TOML: mailboxes cannot be a list and have sections: below "
        "the line [accounts.NAME.mailboxes] write the list as select = [...]"
    )


@pytest.mark.parametrize(
    ("security", "port"), [("tls", 993), ("starttls", 143), ("none", 143), ("", 993)]
)
def test_the_port_follows_security(tmp_path: Path, security: str, port: int) -> None:
    text = LEAST.replace("imap.example.org", "localhost") + f'security = "{security}"\n'
    assert load(tmp_path, text).accounts[0].port == port


def test_an_empty_text_means_unset(tmp_path: Path) -> None:
    empty = 'trash = ""\npassword = ""\npassword-file = ""\nguard = ""\nport = ""\ntimeout = ""\n'
    assert one(tmp_path, empty) == one(tmp_path)
    assert mistakes(tmp_path, LEAST.replace('"me"', '""')) == [
        "mailsync.conf:3: accounts.personal.user: is missing: "
        'the name to log in with, like "me@example.org"'
    ]


@pytest.mark.parametrize(
    ("text", "share"), [("off", None), ("25%", 0.25), ("0%", 0.0), ("100%", 1.0), ("5 %", 0.05)]
)
def test_the_guard(tmp_path: Path, text: str, share: float | None) -> None:
    assert one(tmp_path, f'guard = "{text}"\n').guard == Guard(share)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('quirks = ["no-mov"]', 'quirks: there is no quirk "no-mov"; did you mean "no-move"?'),
        ('quirks = "no-move"', 'quirks: must be a list of names, like ["no-qresync", "!no-move"], '
         'not "no-move"'),
        ("prot = 993", 'prot: unknown key; did you mean "port"?'),
        ('passwordeval = "x"', 'passwordeval: unknown key; did you mean "password-command"?'),
        ('tls_ca_file = "x"', 'tls_ca_file: unknown key; did you mean "tls-ca-file"?'),
        ("zzzzzz = 1", "zzzzzz: unknown key"),
        ('state = "/s"', "state: belongs at the top of the file, above all accounts"),
        ("port = 0", "port: must be a number from 1 to 65535, not 0"),
        ('port = "993"', 'port: must be a number from 1 to 65535, not "993"'),
        ("port = true", "port: must be a number from 1 to 65535, not true"),
        ('security = "ssl"', 'security: must be "tls", "starttls" or "none", not "ssl"'),
        ('auth = "cram-md5"', 'auth: must be one of "auto", "external", "scram-sha-256-plus", '
         '"scram-sha-1-plus", "scram-sha-256", "scram-sha-1", "oauthbearer", "xoauth2", "plain", '
         '"login", not "cram-md5"'),
        ('auth = "external"', 'auth: "external" needs tls-client-cert'),
        ('auth = "xoauth2"', 'auth: "xoauth2" needs token-command'),
        ('tls-client-key = "x"', "tls-client-key: tls-client-cert must be set, too"),
        ('tunnel = "ssh x"', 'tunnel: must be a list of words, like ["ssh", "imap.example.org", '
         '"imapd"], not "ssh x"'),
        ('password-credential = "../x"', "password-credential: must be the name of a credential "
         'of systemd, not "../x"'),
        ('password-keyring = ["x"]', "password-keyring: must be service and user there, like "
         '["mailsync", "me"], not [\'x\']'),
        ('proxy = "socks5://h:99999"', "proxy: must end with a port from 1 to 65535"),
        ('proxy = "http://a:b@h:1"', 'proxy: must be like "socks5://127.0.0.1:1080" or '
         '"socks5://name:word@host:1080"'),
        ('proxy = "socks5://h:0"', "proxy: must end with a port from 1 to 65535"),
        ('fsync = "yes"', 'fsync: must be true or false, not "yes"'),
        ('compress = "on"', 'compress: must be "auto", true or false, not "on"'),
        ("timeout = 0", "timeout: must be a number of seconds, more than 0 and at most 86400, "
         "not 0"),
        ("timeout = nan", "timeout: must be a number of seconds, more than 0 and at most 86400, "
         "not nan"),
        ('guard = "250%"', 'guard: must be a share from "0%" to "100%", or "off", not "250%"'),
        ('guard = "100.5%"', 'guard: must be a share from "0%" to "100%", or "off", not "100.5%"'),
        ("guard = 25", 'guard: must be a share from "0%" to "100%", or "off", not 25'),
        ('layout = "fs"', 'layout: must be "nested" or "maildir++", not "fs"'),
        ("undelete-days = -1", "undelete-days: must be a number of days, 0 or more, not -1"),
        ('mailboxes = "INBOX"', 'mailboxes: must be a list of patterns, like ["*", "!Junk"], not '
         '"INBOX"'),
        ("mailboxes = []", 'mailboxes: must be a list of patterns, like ["*", "!Junk"], not []'),
        ('mailboxes = ["!Junk"]', 'mailboxes: only leaves out: begin with "*"'),
        ('mailboxes = ["*", "!"]', 'mailboxes: "!" must be followed by a pattern'),
        ('tls-fingerprint = "sha256:ab"', 'tls-fingerprint: must be "sha256:" and 64 hexadecimal '
         'digits, not "sha256:ab"'),
        ('password-command = "pass x"', 'password-command: must be a list of words, like ["pass", '
         '"show", "mail/me"]'),
        ("password = 12345", "password: must be a text of one line, in quotes"),
        ('trash = "a\\nb"', 'trash: must be the name of a mailbox, like "Trash", not "a\nb"'),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_key(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, LEAST + line + "\n")
    assert str(caught.value) == f"{tmp_path}/mailsync.conf:5: accounts.personal.{said}"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = 'stat = "/x"\nhost = "h"\n[accounts.a]\nhost = 7\n[accounts."b c"]\n[personal]\nx = 1\n'
    assert mistakes(tmp_path, text) == [
        'mailsync.conf:1: stat: unknown key; did you mean "state"?',
        "mailsync.conf:2: host: belongs below a line [accounts.NAME]",
        "mailsync.conf:3: accounts.a.user: is missing: the name to log in with, like "
        '"me@example.org"',
        "mailsync.conf:3: accounts.a.maildir: is missing: a path, in quotes",
        "mailsync.conf:4: accounts.a.host: must be the name or address of the IMAP server, like "
        '"imap.example.org", not 7',
        "mailsync.conf:5: accounts.b c: an account's name has letters, digits and . _ @ + - only, "
        "begins with a letter or digit, and is at most 100 long",
        "mailsync.conf:6: personal: unknown key; an account is written [accounts.personal]",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[accounts.a]\nx =\n", "mailsync.conf:2: this is not TOML: Invalid value"),
        (
            "a = 1\nb = " + "9" * 5000,
            "mailsync.conf:2: this is not TOML: a number has too many digits",
        ),
        ("a = 1\na = 2\n", "mailsync.conf:2: this is not TOML: a is set twice"),
        ("a = 1\na = [\n]\n", "mailsync.conf:3: this is not TOML: a key is set twice"),
        ("", "mailsync.conf: there is no account; one begins with a line like "
         "[accounts.personal]"),
        ("accounts = 3\n", "mailsync.conf:1: accounts: accounts are tables: [accounts.NAME]"),
        ("accounts.a = 3\n", "mailsync.conf:1: accounts.a: an account is a table: "
         "[accounts.NAME]"),
        ('[account.a]\nhost = "h"\n', 'mailsync.conf:1: account: unknown key; did you mean '
         '"accounts"?'),
        (f"{LEAST}{LEAST.replace('personal', 'PERSONAL')}",
         'mailsync.conf:5: accounts.PERSONAL: the name differs from "personal" in upper and '
         "lower case only"),
    ],
)  # fmt: skip
def test_other_mistakes(tmp_path: Path, text: str, said: str) -> None:
    assert mistakes(tmp_path, text) == [said]


def test_files_that_cannot_be_a_configuration(tmp_path: Path) -> None:
    path = Path(write(tmp_path, ""))
    path.write_bytes(b'x = 1\ny = "\xff"\n')
    for data, said in ((b'x = 1\ny = "\xff"\n', ":2: this is not UTF-8"), (b"#" * 2**21, "larger")):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=said):
            config.load(str(path), {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        config.load(str(tmp_path), {})
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        config.load(str(tmp_path / "none"), {})
    path.write_text("[" * 5000)
    with pytest.raises(ConfigError, match="not TOML"):
        config.load(str(path), {})


def test_a_byte_order_mark_and_crlf_are_no_trouble(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff" + LEAST.replace("\n", "\r\n")).accounts[0].host


# -- where the file is -------------------------------------------------------------------------


def test_the_option_wins_over_the_variable_and_that_over_the_default(tmp_path: Path) -> None:
    for name in ("option", "variable", "xdg/mailsync"):
        (tmp_path / name).mkdir(parents=True)
        write(tmp_path / name, LEAST.replace("imap", name[0]))
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "MAILSYNC_CONFIG": ""}

    def host(path: str | None = None) -> str:
        return config.load(path, environ).accounts[0].host[0]

    assert host() == "x"
    environ["MAILSYNC_CONFIG"] = str(tmp_path / "variable/mailsync.conf")
    assert host() == "v"
    assert host(str(tmp_path / "option/mailsync.conf")) == "o"


def test_no_configuration_yet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no configuration yet; `mailsync config samp"):
        config.load(None, {"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_relative_xdg_folder_is_ignored() -> None:
    path = config.default_path({"XDG_CONFIG_HOME": "rel"})
    assert path == Path.home() / ".config/mailsync/mailsync.conf"
    assert config.default_state({}) == Path.home() / ".local/state/mailsync"


def test_an_unknown_account_names_the_one_that_was_meant(tmp_path: Path) -> None:
    found = load(tmp_path, LEAST)
    assert found.account("personal").name == "personal"
    with pytest.raises(ConfigError, match=r'no account "persnal" in .*did you mean "personal"'):
        found.account("persnal")
    with pytest.raises(ConfigError, match="there are: personal"):
        found.account("xyz")


# -- safety ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_in_a_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    assert mistakes(tmp_path, LEAST + 'password = "hunter2"\n', mode) == [
        "mailsync.conf:5: accounts.personal.password: others may read this file: run `chmod 600` "
        "on it, or use password-command"
    ]
    assert one(tmp_path, 'password = "hunter2"\n').secret == Secret(inline="hunter2")
    load(tmp_path, LEAST + 'password-env = "P"\n', mode)


def test_two_sources_of_the_password(tmp_path: Path) -> None:
    said = mistakes(tmp_path, LEAST + 'password-env = "P"\npassword-file = "f"\n')
    assert said == [
        "mailsync.conf:5: accounts.personal.password-env: "
        'the password already comes from "password-file"'
    ]


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    for line in ('password = "hunter2\\u0000"', 'password-command = ["hunter2", 7]'):
        assert "hunter2" not in "".join(mistakes(tmp_path, LEAST + line))
    assert "hunter2" not in repr(one(tmp_path, 'password = "hunter2"\n'))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("10.0.0.1", False),
        ("imap", False),
    ],
)
def test_plaintext_beyond_loopback_needs_a_word(tmp_path: Path, host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    text = LEAST.replace("imap.example.org", host) + 'security = "none"\n'
    if loopback:
        load(tmp_path, text)
    else:
        assert "would send the password readable to" in mistakes(tmp_path, text)[0]
    assert load(tmp_path, text + "allow-plaintext = true\n").accounts[0].allow_plaintext


def test_trust_settings_without_tls(tmp_path: Path) -> None:
    text = LEAST.replace("imap.example.org", "::1") + 'security = "none"\ntls-ca-file = "x"\n'
    assert mistakes(tmp_path, text) == [
        'mailsync.conf:6: accounts.personal.tls-ca-file: has no meaning with security = "none"'
    ]


def two(first: str, second: str, state: str = "/s") -> str:
    return f'state = "{state}"\n' + "".join(
        f'[accounts.{name}]\nhost = "h"\nuser = "u"\nmaildir = "{maildir}"\n'
        for name, maildir in (("a", first), ("b", second))
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("/m", "/m", 'is that of account "a" too'),
        ("/m", "/m/", 'is that of account "a" too'),
        ("/m/x/../b", "/m/b", 'is that of account "a" too'),
        ("/m", "/m/b", 'is in that of account "a" or around it'),
        ("/m/a/x", "/m/a", 'is in that of account "a" or around it'),
        ("/m/a", "/s/b", "and the state folder /s/b must not lie one in the other"),
        ("/m/a", "/s/b/cur", "and the state folder /s/b must not lie one in the other"),
        ("/m/a", "/s/a", "and the state folder /s/a must not lie one in the other"),
    ],
)
def test_places_that_collide(tmp_path: Path, first: str, second: str, said: str) -> None:
    assert f"mailsync.conf:9: accounts.b.maildir: {said}" in mistakes(tmp_path, two(first, second))


def test_places_that_do_not_collide(tmp_path: Path) -> None:
    load(tmp_path, two("/m/a", "/m/ab"))
    load(tmp_path, two("/m/a", "/s/mail"))


def test_state_within_a_maildir(tmp_path: Path) -> None:
    said = mistakes(tmp_path, two("/m/a", "/m/b", "/m/a/state"))
    assert len(said) == 2
    assert all("state folder /m/a/state/" in line for line in said)


def test_a_maildir_reached_through_a_link_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "link")
    said = mistakes(tmp_path, two(f"{tmp_path}/real", f"{tmp_path}/link"))
    assert said == ['mailsync.conf:9: accounts.b.maildir: is that of account "a" too']


def test_an_unknown_home(tmp_path: Path) -> None:
    text = LEAST.replace("/m", "~nobody-at-all/m")
    assert mistakes(tmp_path, text) == [
        'mailsync.conf:4: accounts.personal.maildir: whose home is "~nobody-at-all"?'
    ]


@pytest.mark.parametrize("host", ["imap.example.org:993", "[]", "::1]:993", "1:2"])
def test_a_host_is_no_host_with_a_port(tmp_path: Path, host: str) -> None:
    assert mistakes(tmp_path, LEAST.replace("imap.example.org", host)) == [
        "mailsync.conf:2: accounts.personal.host: must be the name or address of the IMAP server, "
        f'like "imap.example.org", not "{host.strip("[]")}"; a port is said by port = 993'
    ]


def test_a_tunnel_is_the_security_unless_more_is_asked_for(tmp_path: Path) -> None:
    made = one(tmp_path, 'tunnel = ["ssh", "h", "imapd"]\n')
    assert (made.tunnel, made.security) == (("ssh", "h", "imapd"), Security.NONE)
    made = one(tmp_path, 'tunnel = ["nc", "h", "143"]\nsecurity = "starttls"\n')
    assert made.security is Security.STARTTLS
    assert mistakes(tmp_path, LEAST + 'tunnel = ["x"]\nproxy = "socks5://h:1"\n') == [
        "mailsync.conf:6: accounts.personal.proxy: has no meaning with tunnel"
    ]
    assert mistakes(tmp_path, LEAST + 'tunnel = ["x"]\ntls-client-cert = "c"\n') == [
        'mailsync.conf:6: accounts.personal.tls-client-cert: has no meaning with security = "none"'
        ", as is usual with tunnel"
    ]


def test_sources_of_the_secret(tmp_path: Path) -> None:
    made = one(tmp_path, 'token-command = ["oama", "access"]\n').secret
    assert made == Secret(token_command=("oama", "access"))
    assert one(tmp_path, 'password-credential = "mail"\n').secret == Secret(credential="mail")
    made = one(tmp_path, 'password-keyring = ["mailsync", "me"]\n').secret
    assert made == Secret(keyring=("mailsync", "me"))
    said = mistakes(tmp_path, LEAST + 'token-command = ["x"]\npassword-credential = "f"\n')
    assert said == [
        "mailsync.conf:6: accounts.personal.password-credential: "
        'the password already comes from "token-command"'
    ]


def test_a_proxy_with_a_password_in_a_file_that_others_may_read(tmp_path: Path) -> None:
    text = LEAST + 'proxy = "socks5://me:tAint@h:1"\n'
    assert mistakes(tmp_path, text, 0o644) == [
        "mailsync.conf:5: accounts.personal.proxy: others may read this file: run `chmod 600` on it"
    ]
    load(tmp_path, LEAST + 'proxy = "socks5://h:1"\n', 0o644)
    assert "tAint" not in repr(load(tmp_path, text).accounts[0])
    assert "tAint" not in "".join(mistakes(tmp_path, text.replace(':1"', ':x"')))

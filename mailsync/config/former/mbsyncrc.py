"""The grammar of mbsync's configuration: sections that an empty line ends, `Key word word …`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailsync.model.errors import ConfigError

_SHOWN = {
    "imapaccount": "IMAPAccount",
    "imapstore": "IMAPStore",
    "maildirstore": "MaildirStore",
    "channel": "Channel",
    "group": "Group",
}
SECTIONS = tuple(_SHOWN)
_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\#]|\\.|(?<=\S)#)+)|(#.*)|(.))')
# Of versions before 1.3, and names that changed.
_OLD = {
    "master": "far",
    "slave": "near",
    "ssltype": "tlstype",
    "sslversion": "tlsversions",
    "sslversions": "tlsversions",
    "authmech": "authmechs",
    "disableextension": "disableextensions",
    "account": "account",
    "pattern": "patterns",
    "channels": "channel",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """`key` in small letters, by its newest name; `shown` as it stands."""

    line: int
    key: str
    shown: str
    words: tuple[str, ...]

    @property
    def value(self) -> str:
        return " ".join(self.words)


@dataclass(slots=True)
class Section:
    """`kind` "": what stands outside all sections."""

    kind: str
    name: str
    line: int
    settings: list[Setting] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return f"{_SHOWN.get(self.kind, self.kind)} {self.name}"

    def of(self, key: str) -> Setting | None:
        """The last one of this name counts."""
        return next((one for one in reversed(self.settings) if one.key == key), None)

    def text(self, key: str) -> str:
        found = self.of(key)
        return "" if found is None else found.value


def parse(text: str, path: str) -> list[Section]:
    """The first is that of what stands outside; raises ConfigError with the line."""
    outside = Section("", "", 0)
    found = [outside]
    here = outside
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            here = outside
            continue
        words = _words(line, f"{path}:{number}")
        if not words:
            continue
        key = words[0].lower()
        if key in SECTIONS and not (key == "channel" and here.kind == "group"):
            if len(words) < 2:
                raise ConfigError(f"{path}:{number}: {words[0]} without a name")
            here = Section(key, words[1], number)
            found.append(here)
            rest = words[2:]
            if key == "group" and rest:
                here.settings.append(Setting(number, "channel", "Channel", tuple(rest)))
            continue
        here.settings.append(Setting(number, _OLD.get(key, key), words[0], tuple(words[1:])))
    return found


def _words(line: str, place: str) -> list[str]:
    found: list[str] = []
    at = 0
    line = line.rstrip()
    while at < len(line):
        match = _WORD.match(line, at)
        assert match is not None, line
        quoted, bare, comment, other = match.groups()
        if other is not None:
            raise ConfigError(f"{place}: a quotation mark without its end")
        if comment is not None:
            break
        glued = at > 0 and match.end(0) > at and not line[at].isspace() and bool(found)
        text = re.sub(r"\\(.)", r"\1", bare if quoted is None else quoted)
        if glued:
            found[-1] += text
        else:
            found.append(text)
        at = match.end()
    return found

"""`mailbox-names`: a list of rules, checked one by one and against each other."""

from __future__ import annotations

from typing import Any

from mailsync.config.grammar import TABLE, advice
from mailsync.config.read import Values
from mailsync.model.naming import STAR, NameRule, NameRules, wrong

KEY = "mailbox-names"
KEYS = ["server", "here", "flatten"]
EXAMPLE = '{ server = "[Gmail]/Sent Mail", here = "Sent" }'


def name_rules(values: Values, account: str, given: list[dict[str, Any]]) -> NameRules:
    """What is wrong is complained of, by the number of the rule."""
    path = (TABLE, account, KEY)
    rules: list[NameRule] = []
    for number, table in enumerate(given, 1):
        rule = NameRule(**{key: str(table.get(key, "")) for key in KEYS})
        text = _strange(table) or _complaint(rule) or _against(rule, rules)
        if text:
            values.complain(path, f"rule {number} {text}")
        rules.append(rule)
    return NameRules(tuple(rules))


def _strange(table: dict[str, Any]) -> str:
    for key, value in table.items():
        if key not in KEYS:
            return f"has a key {key}: {advice(key, KEYS)}"
        if not isinstance(value, str) or not value.isprintable():
            return f"{key} must be a text of one line, in quotes"
    return ""


def _complaint(rule: NameRule) -> str:
    for key, pattern in (("server", rule.server), ("here", rule.here)):
        if not pattern:
            return f"needs {key}, as in {EXAMPLE}"
        if text := wrong(pattern):
            return f'{key} = "{pattern}" {text}'
    if (STAR in rule.server) != (STAR in rule.here):
        return 'needs a "*" in both server and here, or in neither'
    if rule.flatten and STAR not in rule.server:
        return 'flatten is for what "*" stands for, and there is none'
    if "/" in rule.flatten or STAR in rule.flatten:
        return 'flatten is a text without "/" and "*", like "."'
    return ""


def _against(rule: NameRule, before: list[NameRule]) -> str:
    for number, other in enumerate(before, 1):
        if other.server == rule.server:
            return f"is never used: rule {number} is for the same server name"
        if other.fits(rule.server):
            return f"is never used: rule {number} is for all that it is for, put it above that"
        if other.here == rule.here and STAR not in rule.here:
            return f'and rule {number} have one name here: "{rule.here}"'
    return ""

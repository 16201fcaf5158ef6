"""INTERNALDATE ⇄ seconds since 1970 (RFC 9051 `date-time`)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONGEST = 64  # bytes
_BY_NAME = {name.lower().encode(): number for number, name in enumerate(MONTHS, 1)}
_DATE = re.compile(
    rb"\s*(\d{1,2})[- ]([A-Za-z]{3})[- ](\d{4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?"
    rb"(?:\s*([+-])(\d{2}):?(\d{2})|\s*[A-Za-z]*)\s*\Z"
)
_EPOCH = date(1970, 1, 1).toordinal()


def parse(text: bytes) -> int | None:
    """Seconds since 1970; None when it is no date.  Without a zone: UTC."""
    found = _DATE.match(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    day, name, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    days = _days(day, name, year)
    if days is None:
        return None
    seconds = days * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second or 0)
    if sign is None:
        return seconds
    offset = int(zone_hours) * 3600 + int(zone_minutes) * 60
    return seconds - offset if sign == b"+" else seconds + offset


@lru_cache(4096)
def _days(day: bytes, month: bytes, year: bytes) -> int | None:
    """Days since 1970."""
    try:
        return date(int(year), _BY_NAME[month.lower()], int(day)).toordinal() - _EPOCH
    except (KeyError, ValueError):
        return None


def format(seconds: int) -> str:
    """In UTC: `01-Jul-1996 02:44:25 +0000`.  Raises ValueError outside the years 1 to 9999."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds} s is not in the years 1 to 9999") from error
    return (
        f"{at.day:02}-{MONTHS[at.month - 1]}-{at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )

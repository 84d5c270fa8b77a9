"""The proleptic Gregorian calendar in UTC, years 1970 to 9999: SPEC.md 1.3 and 3.3. Years end after datetime's do."""

from __future__ import annotations

DAY = 86_400
LAST = 253_402_300_799
"""The last second of the year 9999."""


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """Days of a month."""
    return (31, 28 + _leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def first_of(year: int, month: int) -> int:
    """The first second of a month; month 13 is the next January."""
    if month == 13:
        year, month = year + 1, 1
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 - 719_162
    return (days + sum(month_length(year, m) for m in range(1, month))) * DAY


def civil(moment: int) -> tuple[int, int, int, int, int, int]:
    """Year, month, day, hour, minute, second of a Unix time."""
    year = 1970 + moment // (366 * DAY)
    while first_of(year + 1, 1) <= moment:
        year += 1
    month = 1
    while first_of(year, month + 1) <= moment:
        month += 1
    days, rest = divmod(moment - first_of(year, month), DAY)
    return year, month, days + 1, rest // 3600, rest // 60 % 60, rest % 60


def seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """The Unix time of a moment, or None if there is none."""
    if not (1970 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= month_length(year, month)):
        return None
    if not (hour < 24 and minute < 60 and second < 60):
        return None
    return first_of(year, month) + (day - 1) * DAY + hour * 3600 + minute * 60 + second

"""Writes sessions.txt, the calendar of NYSE and CME Globex equity index trading, by rule.

    python3 sessions.py > sessions.txt

The rules are those that the exchanges publish (NYSE Rule 7.2; CME Globex holiday schedules). What
follows no rule, such as a day of mourning, is in EXCEPTIONS. Times are Eastern.
"""

from datetime import date, timedelta

FIRST, LAST = date(2016, 1, 1), date(2036, 12, 31)
MON, THU, FRI, SAT, SUN = 0, 3, 4, 5, 6

# The venues' own notices: Globex equity index stopped at the cash open of a day of mourning.
EXCEPTIONS = [
    (date(2018, 12, 5), "closed", "09:30", "Day of mourning, George H. W. Bush"),
    (date(2025, 1, 9), "closed", "09:30", "Day of mourning, Jimmy Carter"),
]


def nth(year, month, weekday, n):
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (n - 1))


def last_monday(year, month):
    end = date(year, month + 1, 1) - timedelta(1)
    return end - timedelta((end.weekday() - MON) % 7)


def easter(year):
    """Anonymous Gregorian computus."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, f = b // 4, b % 4, (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def observed(day):
    """Saturday is kept on Friday, Sunday on Monday."""
    return day + timedelta({SAT: -1, SUN: 1}.get(day.weekday(), 0))


def year_of(year):
    # New Year's Day on a Saturday is not kept: NYSE does not close on a year's last day for it.
    new_year = date(year, 1, 1)
    if new_year.weekday() != SAT:
        yield observed(new_year), "closed", "closed", "New Year's Day"
    yield nth(year, 1, MON, 3), "closed", "13:00", "Martin Luther King Jr. Day"
    yield nth(year, 2, MON, 3), "closed", "13:00", "Presidents' Day"
    # On the first Friday of April the employment report comes out, and Globex trades until 09:15.
    # Before 2021 none of these years had such a Good Friday.
    good_friday = easter(year) - timedelta(2)
    report = good_friday.month == 4 and good_friday.day <= 7
    yield good_friday, "closed", "09:15" if report else "closed", "Good Friday"
    yield last_monday(year, 5), "closed", "13:00", "Memorial Day"
    if year >= 2022:
        yield observed(date(year, 6, 19)), "closed", "13:00", "Juneteenth"
    independence = date(year, 7, 4)
    if independence.weekday() in range(MON + 1, SAT):
        yield date(year, 7, 3), "13:00", "13:15", "Day before Independence Day"
    yield observed(independence), "closed", "13:00", "Independence Day"
    yield nth(year, 9, MON, 1), "closed", "13:00", "Labor Day"
    thanksgiving = nth(year, 11, THU, 4)
    yield thanksgiving, "closed", "13:00", "Thanksgiving"
    yield thanksgiving + timedelta(1), "13:00", "13:15", "Day after Thanksgiving"
    if date(year, 12, 24).weekday() <= THU:
        yield date(year, 12, 24), "13:00", "13:15", "Christmas Eve"
    yield observed(date(year, 12, 25)), "closed", "closed", "Christmas"


def main():
    days = [day for year in range(FIRST.year, LAST.year + 1) for day in year_of(year)]
    days = sorted(day for day in days + EXCEPTIONS if FIRST <= day[0] <= LAST)
    print("# Days on which NYSE or CME Globex (equity index) does not close at its usual time,")
    print("# 16:00 and 17:00. Eastern times; `closed` is no session. Made by sessions.py.")
    print(f"valid {FIRST} {LAST}")
    print("# Within its day Globex paused in these minutes, from the first to the last date.")
    print(f"pause {FIRST} 2021-06-25 16:15 16:30")
    print("# date     NYSE   Globex why")
    for day, nyse, globex, why in days:
        print(f"{day} {nyse:<6} {globex:<6} {why}")


main()

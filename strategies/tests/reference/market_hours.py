"""Writes market_hours.txt: sessions according to independent calendars, to hold ours against.

    pip install exchange_calendars==4.13.2 pandas_market_calendars==5.5.0
    python3 market_hours.py > market_hours.txt

NYSE is `XNYS` of exchange_calendars, Globex `CME Globex Equity` of pandas_market_calendars, which
is corrected where the exchange's own notices say otherwise (CORRECTED; None is no session). One
line stands for a run of sessions, a weekday apart but for days without one, that open and close at the
same times of day in UTC: venue, first day, last day, open, close, days without session among them.
"""

from datetime import date, timedelta

import exchange_calendars
import pandas_market_calendars

FIRST, LAST = "2016-01-01", "2036-12-31"

# The library opens every Good Friday since 2023 for the morning. The exchange did so only where the
# employment report came out on it: 2021, 2023 and 2026, and by the same rule 2034.
CLOSED_GOOD_FRIDAYS = ["2024-03-29", "2025-04-18", "2027-03-26", "2028-04-14", "2029-03-30",
    "2030-04-19", "2031-04-11", "2032-03-26", "2033-04-15", "2035-03-23", "2036-04-11"]
CORRECTED = dict.fromkeys(CLOSED_GOOD_FRIDAYS)
# The library knows the days of mourning of stocks only; Globex stopped at 08:30 Chicago.
CORRECTED |= {"2018-12-05": "14:30", "2025-01-09": "14:30"}


def sessions():
    nyse = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST).schedule
    for day, row in nyse.iterrows():
        yield "nyse", day.date(), f"{row['open']:%H:%M}", f"{row['close']:%H:%M}"
    globex = pandas_market_calendars.get_calendar("CME Globex Equity").schedule(FIRST, LAST)
    for day, row in globex.iterrows():
        close = CORRECTED.get(str(day.date()), f"{row['market_close']:%H:%M}")
        if close:
            yield "globex", day.date(), f"{row['market_open']:%H:%M}", close


def weekdays(after, before):
    day = after + timedelta(1)
    while day < before:
        if day.weekday() < 5:
            yield day
        day += timedelta(1)


runs = []
for venue, day, opens, closes in sessions():
    key = (venue, opens, closes)
    if runs and runs[-1][0] == key:
        runs[-1][3].extend(weekdays(runs[-1][2], day))
        runs[-1][2] = day
    else:
        runs.append([key, day, day, []])
for (venue, opens, closes), first, last, without in runs:
    print(venue, first, last, opens, closes, *without)

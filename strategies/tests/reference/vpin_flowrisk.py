"""Bulk volume classification by the published package flowrisk (PyPI, MIT), as a reference.

    python3 -m venv v && v/bin/pip install flowrisk==0.3.0 numpy pandas scipy matplotlib
    v/bin/python vpin_flowrisk.py intc-1min-20181122.csv > vpin_flowrisk.csv

Buckets, split of bars and normal distribution are flowrisk's (RecursiveBulkClassMABuckets). Its
own deviation is an exponential average; it is given the specification's here, the sample deviation
of the last 390 changes of the close with at least 30, computed by pandas. The output has one line
for each full bucket: bought, sold, and how many bars had a part in it. flowrisk rounds each part
bought down to a whole share, which is where the test's tolerance comes from.
"""

import math
import sys

import numpy as np
import pandas as pd

# numpy 2 no longer lends its math module, which flowrisk 0.3.0 calls.
np.math = math

from flowrisk.toxicity.bulk import RecursiveBulkClassMABuckets  # noqa: E402

BUCKET = 1_000_000
BARS, BARS_MIN = 390, 30


class Recorder(RecursiveBulkClassMABuckets):
    """flowrisk's buckets, that say what each held when it was full."""

    parts = 0

    def update(self, price, deviation, volume):
        if volume > 0:
            self.parts += 1
        super().update(price, deviation, volume)

    def move_to_next_bucket(self):
        at = self.current_bucket_idx
        bought = self.bucket_buy_volume_array[at]
        sold = self.bucket_sell_volume_array[at]
        print(f"{bought:.0f},{sold:.0f},{self.parts}")
        self.parts = 1
        super().move_to_next_bucket()


def main():
    bars = pd.read_csv(sys.argv[1]).sort_values("date")
    close, volume = bars["4. close"], bars["5. volume"]
    changes = close.diff()
    changes.iloc[0] = close.iloc[0] - bars["1. open"].iloc[0]
    deviations = changes.rolling(BARS, min_periods=BARS_MIN).std(ddof=1)
    buckets = Recorder(float(BUCKET), 50)
    buckets.initialize(float(close.iloc[BARS_MIN - 2]))
    print("bought,sold,parts")
    for at in range(BARS_MIN - 1, len(bars)):
        buckets.update(float(close.iloc[at]), float(deviations.iloc[at]), float(volume.iloc[at]))


main()

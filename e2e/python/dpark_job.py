"""A DPark job as its users write them: counts words, and groups them by length, each with a shuffle.

Prints one line of JSON; run it with -m HOST:PORT -M MEGABYTES -c CPUS. With LINE_SECS in its environment it is as slow.
"""

import json
import os
import sys
import threading
import time

# DPark 0.5 says isAlive, which Python took away in 3.9.
threading.Thread.isAlive = threading.Thread.is_alive

from dpark import DparkContext  # noqa: E402

LINES = ["the datacenter as one computer", "one ledger one notion of fairness", "the quick brown fox"] * 40

PAUSE_SECS = float(os.environ.get("LINE_SECS", "0"))


def split(line):
    time.sleep(PAUSE_SECS)
    return line.split()


context = DparkContext()
words = context.parallelize(LINES, 6).flatMap(split)
counts = dict(words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b, 4).collect())
groups = words.map(lambda word: (len(word), word)).groupByKey(3).mapValue(lambda found: sorted(set(found))).collect()
json.dump({"counts": counts, "groups": sorted(groups)}, sys.stdout, sort_keys=True)
print()

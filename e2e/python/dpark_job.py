"""A DPark job as its users write them: counts words, and groups them by length, each with a shuffle.

Prints one line of JSON; run it with -m HOST:PORT -M MEGABYTES -c CPUS.
"""

import json
import sys
import threading

# DPark 0.5 says isAlive, which Python took away in 3.9.
threading.Thread.isAlive = threading.Thread.is_alive

from dpark import DparkContext  # noqa: E402

LINES = ["the datacenter as one computer", "one ledger one notion of fairness", "the quick brown fox"] * 40

context = DparkContext()
words = context.parallelize(LINES, 6).flatMap(lambda line: line.split())
counts = dict(words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b, 4).collect())
groups = words.map(lambda word: (len(word), word)).groupByKey(3).mapValue(lambda found: sorted(set(found))).collect()
json.dump({"counts": counts, "groups": sorted(groups)}, sys.stdout, sort_keys=True)
print()

#!/usr/bin/env python3
"""Whether this build costs more than another one: verdict.py [--at-most 1.01] RESULTS_DIRECTORY CASE...

For each case the median of the ratio within each round, and how sure it is: half the width in which the median falls nine
times out of ten when rounds are drawn again, whole restarts at a time, since a process has luck for all its life.
"""

import argparse
import json
import os
import random
import statistics
import sys


def restarts(case):
    """The ratio of each round, grouped by the restart that it belongs to."""
    rounds = case["options"]["rounds"]
    good = {name: {w["round"]: w for w in all_of if w.get("bad") == 0} for name, all_of in case["windows"].items()}
    ours = next((rows for name, rows in good.items() if name.startswith("rolling-router")), {})
    theirs = next((rows for name, rows in good.items() if name.startswith("baseline")), {})
    groups = {}
    for number in sorted(ours.keys() & theirs.keys()):
        ratio = ours[number]["cpu_us"] / theirs[number]["cpu_us"]
        groups.setdefault(number // rounds, []).append(ratio)
    return list(groups.values())


def flat(groups):
    return [ratio for group in groups for ratio in group]


def half_width(groups):
    draw = random.Random(1)
    medians = sorted(statistics.median(flat(draw.choices(groups, k=len(groups)))) for _ in range(2000))
    return (medians[int(0.95 * len(medians))] - medians[int(0.05 * len(medians))]) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-most", type=float, default=1.01)
    parser.add_argument("results")
    parser.add_argument("cases", nargs="+")
    options = parser.parse_args()
    above = False
    print("case            ratio to the baseline  rounds")
    for name in options.cases:
        with open(os.path.join(options.results, f"{name}.json")) as source:
            case = json.load(source)
        if not any("cpu_us" in window for all_of in case.get("windows", {}).values() for window in all_of):
            print(f"{name:15s} no CPU time is measured in this case")
            continue
        groups = restarts(case)
        if not groups:
            print(f"{name:15s} no round in which both went well")
            above = True
            continue
        ratio = statistics.median(flat(groups))
        above |= ratio > options.at_most
        verdict = "above" if ratio > options.at_most else "at most"
        print(f"{name:15s} {ratio:.3f} +- {half_width(groups):.3f}         {len(flat(groups)):5d}   {verdict} {options.at_most}")
    sys.exit(1 if above else 0)


if __name__ == "__main__":
    main()

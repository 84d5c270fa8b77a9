"""Checks the vectors: `python check.py`, and `python check.py --mutate` to check that the checker finds alterations."""

from __future__ import annotations

import argparse
import sys

from ibake_check.compare import check_exchange, check_hashing, load
from ibake_check.mutate import check_mutations
from ibake_check.negative import check_refusals


def main() -> int:
    """Prints a line for each file; 0 if everything agrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutate", action="store_true", help="alter the vectors in twenty places instead")
    data = load()
    if parser.parse_args().mutate:
        reports = [check_mutations(data)]
    else:
        reports = [check_hashing(), *check_exchange(data), check_refusals(data)]
    for report in reports:
        print(report)
        for problem in report.problems:
            print(f"  {problem}")
    return 0 if all(report.complete for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())

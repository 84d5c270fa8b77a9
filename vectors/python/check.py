"""Checks the vectors: `python check.py`; `python check.py --mutate` checks that the checker finds alterations.

Written from the text of SPEC.md alone, sections 1 to 5, 8, 9 and 13: notation (1), curve, encodings and hashing (2), identities,
periods, parameters and object identifiers (3), keys, encapsulation, boxes, files, references (4), the exchange with its
checks, envelopes and states (5), keys at rest (8), limits (9), calls and what is left in them (13); the error
names of 1.2 and 13.11.7.
"""

from __future__ import annotations

import argparse
import sys
import time

from ibake_check.compare import all_cases, check_files, check_hashing, check_negative, check_schemas
from ibake_check.mutate import check_mutations
import mikey


def main() -> int:
    """Prints a line for each file; 0 if everything agrees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutate", action="store_true", help="alter one byte in each of twenty vectors instead")
    parser.add_argument("--seed", type=int, help="which twenty (default: by the clock)")
    parser.add_argument("--verbose", action="store_true", help="show which check finds each negative case")
    options = parser.parse_args()
    complete = True
    if options.mutate:
        reports = iter([check_mutations(options.seed if options.seed is not None else int(time.time()))])
    else:

        def everything():  # type: ignore[no-untyped-def]
            yield check_schemas()
            yield check_hashing()
            yield from check_files(all_cases())
            yield check_negative(options.verbose)

        reports = everything()
        good, total = mikey.check()
        print(f"mikey: {good}/{total}", flush=True)
        complete = good == total
    for report in reports:
        print(report, flush=True)
        for problem in report.problems:
            print(f"  {problem}")
        complete = complete and report.complete
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())

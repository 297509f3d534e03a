"""The row `payout.worker`: what `workledger worker payout` runs, with a stopwatch in it."""

import sys

from infra.cli.worker import worker
from tests.bench.stopwatch import Order, watch_faust

if __name__ == "__main__":
    watch_faust(Order.parse(sys.argv[1]))
    worker("payout")

"""The rows `payout.worker` and `road.worker`: what `workledger worker` runs, with a stopwatch.

python -m tests.bench.worker PROJECTION ORDER
"""

import logging
import sys

from infra.connections import worker_options
from infra.settings import load_settings
from streams.worker import create_app, run_worker
from tests.bench.faust_stopwatch import watch_faust
from tests.bench.folds import FOLDS
from tests.bench.stopwatch import Order

if __name__ == "__main__":
    logging.basicConfig()
    settings = load_settings()
    fold = FOLDS[sys.argv[1]]
    watch_faust(Order.parse(sys.argv[2]))
    run_worker(create_app(fold, worker_options(settings)))

"""The rows `payout.worker` and `road.worker`: what `workledger worker` runs, with a stopwatch.

python -m tests.bench.worker PROJECTION ORDER
"""

import logging
import sys

from infra.connections import client, worker_options, writer_address
from infra.settings import load_settings
from projections.payout.fold import payout
from projections.store.clickhouse import create_tables
from streams.worker import create_app, run_worker
from tests.bench.road import road
from tests.bench.stopwatch import Order, watch_faust

FOLDS = {fold.name: fold for fold in (payout, road)}

if __name__ == "__main__":
    logging.basicConfig()
    settings = load_settings()
    fold = FOLDS[sys.argv[1]]
    writer = client(writer_address(settings))
    create_tables(writer, [fold])
    writer.close()
    watch_faust(Order.parse(sys.argv[2]))
    run_worker(create_app(fold, worker_options(settings)))

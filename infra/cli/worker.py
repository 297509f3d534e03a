"""`workledger worker PROJECTION`: one Faust worker."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Annotated

import typer

from infra.errors import UsageError
from infra.settings import load_settings


def worker(
    projection: Annotated[
        str, typer.Argument(help="archive, payout, agents, utilization or fraud.")
    ],
    log_level: Annotated[str, typer.Option(help="Least level that is logged.")] = "info",
    metrics_port: Annotated[
        int | None, typer.Option(help="Port of /metrics and /health/ready; none without it.")
    ] = None,
) -> None:
    """Run one worker of a projection until SIGTERM or Ctrl-C; several share the partitions.

    Example: workledger worker payout
    """
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    # Until Faust takes the signals over nothing is under way, and SIGTERM just ends the process.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    from infra.connections import worker_options
    from infra.registry import use_registry
    from infra.starting import wait_for_services
    from infra.worker_http import serve
    from projections.registry import PROJECTIONS
    from streams.worker import create_app, run_worker

    if projection not in PROJECTIONS:
        raise UsageError(
            f"There is no projection {projection}; there are {', '.join(PROJECTIONS)}."
        )
    settings = load_settings()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    use_registry(settings)
    wait_for_services(settings)
    app = create_app(PROJECTIONS[projection], worker_options(settings))
    if metrics_port:
        serve(settings.host, metrics_port, app.missing)
    run_worker(app, log_level)

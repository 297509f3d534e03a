"""Python's cyclic garbage collector, kept from looking at what does not become garbage."""

import gc

THRESHOLDS = (200_000, 20, 100)
"""It costs a quarter of a pipeline that makes many objects, and a fifth of the gateway."""


def freeze_after_start() -> None:
    """Take what start-up made out of the collector's sight, and let it look rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)

"""The folds that the benchmark runs, by the name of their job."""

from __future__ import annotations

from projections.payout.fold import payout
from tests.bench.road import road

FOLDS = {fold.name: fold for fold in (payout, road)}

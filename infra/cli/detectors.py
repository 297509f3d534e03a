"""`workledger detectors list`, `score` and `lock`: what looks for fraud, and how well."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from infra.cli.console import AsJson, print_json, results, say
from infra.settings import load_settings

if TYPE_CHECKING:
    from infra.detectors.scoring import Share

app = typer.Typer(no_args_is_help=True, help="What looks for fraud, and how well.")


class Severity(StrEnum):
    """How much an alert matters; later ones are worse."""

    low = "low"
    medium = "medium"
    high = "high"
    critical = "critical"


@app.command("list")
def list_detectors(as_json: AsJson = False) -> None:
    """List detectors: version, mode, thresholds, and how many of their alerts are open.

    Example: workledger detectors list
    """
    from projections.fraud.detectors import DETECTORS

    counted = {
        (detector, severity): count
        for detector, severity, count in _rows(
            "SELECT detector, severity, count() FROM fraud_alerts WHERE status = 'open' "
            "GROUP BY detector, severity"
        )
    }
    told = [
        {
            "name": one.name,
            "version": one.version,
            "mode": one.mode,
            "thresholds": one.thresholds,
            "open_alerts": {level.value: counted.get((one.name, level), 0) for level in Severity},
        }
        for one in DETECTORS
    ]
    if as_json:
        print_json(told)
        return
    table = Table("detector", "version", "mode", *Severity, box=None, header_style="bold")
    for one in told:
        counts = [f"{count:,}" for count in one["open_alerts"].values()]
        table.add_row(one["name"], str(one["version"]), one["mode"], *counts)
    results.print(table)
    for one in told:
        thresholds = ", ".join(f"{name} {value:,}" for name, value in one["thresholds"].items())
        results.print(f"{one['name']}: {thresholds}", markup=False)
    if not counted:
        say("No alert is open.")


@app.command("score")
def score_detectors(
    labels: Annotated[
        Path, typer.Option(help="What is true of each expert, as `workledger simulate` wrote it.")
    ],
    severity: Annotated[
        Severity, typer.Option(help="Count experts with an open alert that is at least so severe.")
    ] = Severity.medium,
    as_json: AsJson = False,
) -> None:
    """Hold open alerts against what is known of a simulated marketplace, expert by expert.

    Precision: of the experts that a detector flags, those who commit what it looks for. Recall: of
    those who commit it, the flagged. Intervals are Wilson's at 95%.

    Example: workledger detectors score --labels labels.csv
    """
    from infra.detectors.scoring import read_labels, score
    from projections.fraud.detectors import DETECTORS

    known = read_labels(labels)
    levels = ", ".join(f"'{level}'" for level in list(Severity)[list(Severity).index(severity) :])
    flagged: dict[str, set[str]] = {one.name: set() for one in DETECTORS}
    for detector, expert in _rows(
        "SELECT DISTINCT detector, expert_id FROM fraud_alerts WHERE status = 'open' "
        f"AND severity IN ({levels})"
    ):
        flagged.setdefault(detector, set()).add(expert)
    scores = score(known, flagged)
    if as_json:
        print_json([_plain(one) for one in scores])
        return
    table = Table("detector", "precision", "recall", box=None, header_style="bold")
    for one in scores:
        table.add_row(one.detector, _share(one.precision), _share(one.recall))
    results.print(table)
    for one in scores:
        for kind, experts in (("look-alike", one.look_alikes), ("other fraud", one.other_frauds)):
            for expert, what in experts:
                results.print(f"{one.detector}: flags {expert}, {kind}: {what}", markup=False)
    if not any(flagged.values()):
        say(f"No expert has an open alert of severity {severity} or above.")


@app.command("lock")
def lock_detectors(as_json: AsJson = False) -> None:
    """Write the lock of the detectors anew, after a version was raised.

    Refuses where logic or thresholds have changed and the version has not.

    Example: workledger detectors lock
    """
    from infra.detectors.lock import LOCK, renew

    changed = renew()
    if as_json:
        print_json({"lock": str(LOCK), "changed": changed})
        return
    for sentence in changed:
        results.print(sentence.partition(": run ")[0], markup=False)
    say(f"{LOCK.name} is written anew." if changed else "Nothing is new: the lock holds.")


def _rows(sql: str) -> list[tuple[Any, ...]]:
    from infra.connections import client, reader_address

    connection = client(reader_address(load_settings()))
    try:
        answer: Any = connection.query(sql)
        return list(answer.result_rows)
    finally:
        connection.close()


def _share(share: Share) -> str:
    if share.share is None:
        return "nobody to count"
    return f"{share.share:.0%} ({share.hits} of {share.of}; {share.low:.0%} to {share.high:.0%})"


def _plain(score: Any) -> dict[str, Any]:
    return score._asdict() | {
        "precision": score.precision._asdict(),
        "recall": score.recall._asdict(),
    }

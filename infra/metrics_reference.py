"""Writes the reference of all metrics: `python -m infra.metrics_reference > docs/metrics.md`."""

from prometheus_client.metrics import MetricWrapperBase

from streams import metrics

HEAD = """# Metrics

A worker serves them at the port that `workledger status` shows, or at `worker --metrics-port`.
Written from `streams/metrics.py`.

| metric | kind | labels | what it counts |
|---|---|---|---|
"""


def render() -> str:
    """The whole page."""
    found = [m for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)]
    rows = [
        f"| `{m._name}` | {m._type} | {', '.join(m._labelnames)} | {m._documentation} |"
        for m in sorted(found, key=lambda m: m._name)
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 (this is the program's output)

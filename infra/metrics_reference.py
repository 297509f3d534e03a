"""Writes the reference of all metrics: `python -m infra.metrics_reference > docs/metrics.md`."""

from prometheus_client.metrics import MetricWrapperBase

from api import metrics as of_the_api
from streams import metrics as of_workers

HEAD = """# Metrics

A worker serves them at the port that `workledger status` shows, or at `worker --metrics-port`.
The API serves its own at `/metrics`; beside those below it counts requests by method, route and
status: `workledger_api_requests_total`, `workledger_api_request_duration_seconds`,
`workledger_api_requests_in_progress`. Written from `streams/metrics.py` and `api/metrics.py`.

| metric | kind | labels | what it counts |
|---|---|---|---|
"""


def render() -> str:
    """The whole page."""
    told = (*vars(of_workers).values(), *vars(of_the_api).values())
    found = [m for m in told if isinstance(m, MetricWrapperBase)]
    rows = [
        f"| `{m._name}` | {m._type} | {', '.join(m._labelnames)} | {m._documentation} |"
        for m in sorted(found, key=lambda m: m._name)
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 (this is the program's output)

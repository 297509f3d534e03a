"""What the API counts, for Prometheus: requests by route and status, events by outcome."""

from litestar import Controller, MediaType, Response, get
from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin
from litestar.plugins.prometheus import PrometheusConfig
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

EVENTS = Counter(
    "workledger_api_events_total",
    "Events that were told, by what became of them: `accepted`, or the code of the refusal.",
    ["outcome"],
)


class Metrics(Controller):
    """`GET /metrics`, in the text that Prometheus reads."""

    path = "/metrics"
    tags = ("health",)

    @get("/", media_type=MediaType.TEXT, sync_to_thread=False)
    def metrics(self) -> Response[bytes]:
        """What the process counted, as Prometheus reads it."""
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


class CountRequests(InitPlugin):
    """Counts every request by method, route (not path: a path names people), and status."""

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Count what every handler answers, and serve the counts."""
        counted = PrometheusConfig("workledger", prefix="workledger_api", group_path=True)
        app_config.middleware.append(counted.middleware)
        app_config.route_handlers.append(Metrics)
        return app_config

"""Every setting of this product: one environment variable each, `WORKLEDGER_` and the name."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.access.roles import Role
from infra.errors import CommandError

ENV_PREFIX = "WORKLEDGER_"
CHECKOUT = Path(__file__).parent.parent
"""The folder that holds the rooms; `make install` puts the broker's jars below it."""

Port = Annotated[int, Field(ge=1, le=65_535)]


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(value: str) -> str:
    for server in value.split(","):
        host, colon, port = server.strip().rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) <= 65_535):
            raise ValueError("must be host:port, several of them separated by commas")
    return ",".join(server.strip() for server in value.split(","))


def _issuer(value: str) -> str:
    host = urlsplit(value).hostname or ""
    if not (value.startswith("https://") or (value.startswith("http://") and _is_loopback(host))):
        raise ValueError("must be an address that starts with https://")
    return value


def _roles(value: str) -> str:
    for one in value.split(","):
        claimed, equals, role = one.strip().rpartition("=")
        if not (claimed and equals and role in list(Role)):
            raise ValueError(f"must be CLAIM=ROLE,…, each ROLE one of {', '.join(Role)}")
    return value


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must be an address that starts with http:// or https://")
    return value.rstrip("/")


FolderPath = Annotated[Path, AfterValidator(_absolute)]
BrokerAddress = Annotated[str, AfterValidator(_address)]
IssuerUrl = Annotated[str, AfterValidator(_issuer)]
RoleMapping = Annotated[str, AfterValidator(_roles)]
HttpUrl = Annotated[str, AfterValidator(_url)]


class SettingsError(CommandError):
    """A setting is wrong; the message is one sentence for people that names the variable."""

    exit_code = 2


class Settings(BaseSettings):
    """The settings, from the environment; arguments by name go before it."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    home: FolderPath = Field(
        default=Path(".workledger"),
        validate_default=True,
        description="The folder that everything is written to: data, logs, process ids.",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="The address that the local broker and ClickHouse listen on.",
    )
    allow_remote: bool = Field(
        default=False,
        description="Whether the host may be an address that other machines reach; the local "
        "broker asks nobody for a password.",
    )
    stack_start_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that a part of the local stack may take until it answers.",
    )
    stack_stop_timeout_s: float = Field(
        default=20.0,
        gt=0,
        description="Seconds that a part may take to end after SIGTERM, before it is killed.",
    )
    broker_address: BrokerAddress | None = Field(
        default=None,
        description="An external Kafka, as host:port[,host:port]; without it a local one is run.",
    )
    broker_port: Port = Field(default=19_092, description="The local broker's port for clients.")
    broker_controller_port: Port = Field(
        default=19_093, description="The local broker's port for its own controller."
    )
    broker_heap_mb: int = Field(
        default=512, ge=128, description="The most memory of the local broker's Java heap, in MB."
    )
    broker_jars: FolderPath = Field(
        default=CHECKOUT / ".workledger" / "broker" / "jars",
        description="The folder of the broker's jars, which `make install` fills.",
    )
    java: str | None = Field(
        default=None,
        description="The Java program (17 or newer); without it JAVA_HOME's, or the one on PATH.",
    )
    topic_replication_factor: int = Field(
        default=1, ge=1, le=32_767, description="Copies of each topic that is created."
    )
    clickhouse_url: HttpUrl | None = Field(
        default=None,
        description="An external ClickHouse, as http://host:8123; without it a local one is run.",
    )
    clickhouse_port: Port = Field(default=18_123, description="The local ClickHouse's HTTP port.")
    clickhouse_database: str = Field(
        default="workledger",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The database that holds the projections.",
    )
    clickhouse_writer: str = Field(
        default="writer", min_length=1, description="The ClickHouse user that workers write as."
    )
    clickhouse_writer_password: str = Field(
        default="writer", description="The writing user's password."
    )
    clickhouse_reader: str = Field(
        default="reader", min_length=1, description="The ClickHouse user that people read as."
    )
    clickhouse_reader_password: str = Field(
        default="reader", description="The reading user's password."
    )
    api_port: Port = Field(default=18_080, description="The API's HTTP port.")
    idempotency_lease_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds after which a request with an Idempotency-Key that has no answer is "
        "taken for dead, and the key for free. An answer takes 20 s at most.",
    )
    api_requests_per_s: float = Field(
        default=200.0,
        gt=0,
        description="Requests a second that the API takes of one caller for good, in one process.",
    )
    api_requests_burst: int = Field(
        default=400, ge=1, description="Requests that it takes of one caller at once."
    )
    operational_store_url: str | None = Field(
        default=None,
        description="The API's own store of keys and answers, as a SQLAlchemy URL such as "
        "postgresql+psycopg://user:password@host/name; without it SQLite below the home.",
    )
    oidc_issuer: IssuerUrl | None = Field(
        default=None,
        description="The OIDC issuer whose tokens (JWT, RS256 or ES256) people call the API with, "
        "exactly as `iss` says it, https:// unless on this machine; without it there are API keys "
        "alone.",
    )
    oidc_audience: str = Field(
        default="workledger", min_length=1, description="Whom a token must be for: its `aud`."
    )
    oidc_jwks_url: IssuerUrl | None = Field(
        default=None,
        description="Where the issuer's public keys are; without it its discovery document says.",
    )
    oidc_role_claim: str = Field(
        default="role",
        min_length=1,
        description="The claim that says a person's role: a text, or a list of which one is a "
        "role.",
    )
    oidc_roles: RoleMapping | None = Field(
        default=None,
        description="What the claim's values mean, as CLAIM=ROLE,…, such as "
        "payroll-team=finance,risk=trust-and-safety; without it they are the roles' own names.",
    )
    oidc_expert_claim: str = Field(
        default="expert_id",
        min_length=1,
        description="The claim that says which expert somebody of role `expert` is.",
    )
    schema_registry_url: HttpUrl | None = Field(
        default=None,
        description="A Confluent-compatible schema registry that gives schemas their ids, as "
        "http://host:8081; without it the ids of `schemas/shipped.jsonl` hold.",
    )
    schema_registry_user: str | None = Field(
        default=None, description="The user of the schema registry, where it asks for one."
    )
    schema_registry_password: str = Field(default="", description="The password of that user.")
    batch_time_ms: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="Milliseconds that a worker's round waits for events of other partitions.",
    )
    batch_events_max: int = Field(
        default=100_000,
        ge=1,
        le=300_000,
        description="Events after which a worker's round is full.",
    )
    dead_letter_share_max_bp: int = Field(
        default=2_000,
        ge=1,
        le=10_000,
        description="Share of dead letters among a worker's latest events, in basis points, above "
        "which it stops: a wrong deployment must not empty a topic into the dead letters.",
    )
    archive_metrics_port: Port = Field(
        default=19_101, description="The port of the archive worker's Prometheus metrics."
    )
    payout_metrics_port: Port = Field(
        default=19_102, description="The port of the payout worker's Prometheus metrics."
    )
    agents_metrics_port: Port = Field(
        default=19_103, description="The port of the agents' worker's Prometheus metrics."
    )
    fraud_metrics_port: Port = Field(
        default=19_104, description="The port of the fraud worker's Prometheus metrics."
    )
    utilization_metrics_port: Port = Field(
        default=19_105, description="The port of the utilization worker's Prometheus metrics."
    )

    @model_validator(mode="after")
    def _host_is_loopback(self) -> Settings:
        if not self.allow_remote and not _is_loopback(self.host):
            raise ValueError(
                f"{variable('host')} {self.host} is reached by other machines; "
                f"set {variable('allow_remote')} to true if that is meant."
            )
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Settings:
        taken: dict[int, str] = {}
        for name in (name for name in type(self).model_fields if name.endswith("_port")):
            port = getattr(self, name)
            if port in taken:
                raise ValueError(
                    f"{variable(taken[port])} and {variable(name)} are both {port}; "
                    "give each a port of its own."
                )
            taken[port] = name
        return self

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka clients connect: `host:port`, several separated by commas."""
        return self.broker_address or f"{self.host}:{self.broker_port}"

    @property
    def operational_store(self) -> str:
        """The SQLAlchemy URL of the API's own store."""
        path = self.home / "data" / "operational.sqlite"
        return self.operational_store_url or f"sqlite:///{path}"

    @property
    def clickhouse_http_url(self) -> str:
        """Where ClickHouse's HTTP interface is, without a slash at the end."""
        return self.clickhouse_url or f"http://{self.host}:{self.clickhouse_port}"


def variable(name: str) -> str:
    """The environment variable of the setting `name`."""
    return ENV_PREFIX + name.upper()


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process.

    Raises SettingsError, in a sentence that names the variable, where a value is invalid or a
    variable with our prefix is none of ours (a misspelt setting must not be ignored).
    """
    _refuse_unknown(os.environ)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {variable(name) for name in Settings.model_fields}
    for given in sorted(environment):
        if given.startswith(ENV_PREFIX) and given not in known:
            nearest = difflib.get_close_matches(given, known, n=1)
            hint = f" Did you mean {nearest[0]}?" if nearest else ""
            raise SettingsError(f"{given} is not a setting.{hint}")


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    reason = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return reason
    reason = reason.removeprefix("Input should be ").rstrip(".")
    if not reason.startswith("must "):
        reason = f"must be {reason}"
    name = str(first["loc"][0])
    shown = "" if "password" in name else f", not {first['input']!r}"
    return f"{variable(name)} {reason}{shown}."

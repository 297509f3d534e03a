"""Roles and what each may do: the one table that decides, and that documents and tests read."""

from enum import StrEnum


class Permission(StrEnum):
    """What a route asks of its caller."""

    write_events = "events:write"
    read_payouts = "payouts:read"
    read_alerts = "alerts:read"
    read_utilization = "utilization:read"
    read_traces = "traces:read"
    read_requests = "requests:read"
    decide_requests = "requests:decide"
    """Ask for what needs two people, and decide what another asked for."""


class Role(StrEnum):
    """Who somebody is."""

    finance = "finance"
    trust_and_safety = "trust-and-safety"
    analyst = "analyst"
    auditor = "auditor"
    ingest = "ingest"
    expert = "expert"
    admin = "admin"


P = Permission
OF_PEOPLE = frozenset({P.decide_requests})
"""What only a person may use, whatever its role: two keys of programs may be one person's."""
REQUESTS = frozenset({P.read_requests, P.decide_requests})
PERMITTED: dict[Role, frozenset[Permission]] = {
    Role.finance: frozenset({P.read_payouts, P.read_utilization, P.read_traces}) | REQUESTS,
    Role.trust_and_safety: frozenset({P.read_payouts, P.read_alerts, P.read_traces}) | REQUESTS,
    Role.analyst: frozenset({P.read_utilization}),
    Role.auditor: frozenset(
        {P.read_payouts, P.read_alerts, P.read_utilization, P.read_traces, P.read_requests}
    ),
    Role.ingest: frozenset({P.write_events, P.read_traces}),
    Role.expert: frozenset({P.read_payouts, P.read_utilization}),
    Role.admin: frozenset(Permission),
}
"""An expert sees rows of their own alone: see `Caller.expert_id`."""

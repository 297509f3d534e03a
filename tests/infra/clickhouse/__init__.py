"""Tests of the local ClickHouse, over the wire, against the real engine."""

"""Tests of the room `infra/`."""

"""Detectors from outside."""

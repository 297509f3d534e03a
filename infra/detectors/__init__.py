"""Detectors from outside: their lock, and how well they find what is known to be fraud."""

"""Faults on purpose: a simulation of every interleaving, and real processes killed for real."""

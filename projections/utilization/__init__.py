"""Utilization: how much experts work, for whom, and against what they said they would."""

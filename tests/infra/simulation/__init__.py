"""The simulated marketplace."""

"""A believable marketplace from a seed: `workledger simulate`. See docs/simulation.md."""

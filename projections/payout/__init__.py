"""Payout: what each expert is owed, line by line, and why a line waits."""

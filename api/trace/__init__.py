"""The life of one event: where it lies in the log, and what each projection made of it."""

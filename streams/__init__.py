"""The road: topics, publisher, Faust transport, worker, dead letters."""

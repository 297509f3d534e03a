"""The proof: Kafka against ClickHouse, the journal against itself, lines against plain SQL."""

"""The local ClickHouse: the real engine (chDB) behind ClickHouse's HTTP interface."""

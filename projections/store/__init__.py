"""The store: what a projection keeps in ClickHouse, and how it is read and written."""

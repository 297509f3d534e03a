"""The OpenAPI document: what the framework finds, made complete by what the ledger knows."""

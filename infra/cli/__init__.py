"""The command line `workledger`, a module a command."""

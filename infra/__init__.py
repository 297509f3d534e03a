"""How it runs: command line, settings, local stack, imports; the room that wires all others."""

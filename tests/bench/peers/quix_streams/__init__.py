"""The peer on Quix Streams; it runs in an environment of its own (`requirements.lock`)."""

"""What Alembic runs for each command: the revisions, on the connection that it was given."""

from alembic import context

from api.operational.tables import metadata

# The caller's transaction holds all of it: see `migrate` in api/operational/store.py.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()

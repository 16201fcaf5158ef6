"""Alembic's entry: runs on the connection and in the transaction that it is given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from mailsync.cache.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    # `alembic revision --autogenerate` by a developer: compared with an empty database.
    connection = create_engine("sqlite://").connect()

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

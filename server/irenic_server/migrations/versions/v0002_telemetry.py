"""Telemetry of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of spans, metrics and log records."""
    op.create_table(
        "telemetry",
        sa.Column("key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("signal", sa.String(8), nullable=False),
        sa.Column("execution_id", sa.String(26)),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("received_ms", sa.BigInteger, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_telemetry_execution", "telemetry", ["execution_id", "signal", "at_ns"])
    op.create_index("ix_telemetry_received", "telemetry", ["received_ms"])

"""Executions, journals, states, leases and tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of the first release."""
    op.create_table(
        "counters",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('revision', 0)")
    op.create_table(
        "profiles",
        sa.Column("key", _key, primary_key=True),
        sa.Column("flow", sa.String(128), nullable=False),
        sa.Column("profile", sa.String(128), nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("fencing", sa.BigInteger, nullable=False),
        sa.Column("lease_holder", sa.Text),
        sa.Column("lease_execution", sa.String(26)),
        sa.Column("lease_expires_ms", sa.BigInteger),
        sa.Column("inputs", sa.Text),
        sa.UniqueConstraint("flow", "profile", name="uq_profiles_flow_profile"),
    )
    op.create_table(
        "flow_infos",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "executions",
        sa.Column("key", _key, primary_key=True),
        sa.Column("id", sa.String(26), nullable=False, unique=True),
        sa.Column("profile_key", _key, sa.ForeignKey("profiles.key"), nullable=False),
        sa.Column("cmds", sa.Text, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fencing", sa.BigInteger),
        sa.Column("next_seq", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("active_ms", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.String(40)),
        sa.Column("ended_at", sa.String(40)),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("interrupt", sa.Text),
        sa.Column("flow_info", sa.String(64), sa.ForeignKey("flow_infos.hash")),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_executions_profile_key", "executions", ["profile_key", "key"])
    op.create_index("ix_executions_status", "executions", ["status", "key"])
    op.create_index("ix_executions_revision", "executions", ["revision"])
    op.create_table(
        "execution_details",
        sa.Column("execution_key", _key, sa.ForeignKey("executions.key"), primary_key=True, autoincrement=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
    )
    op.create_table(
        "events",
        sa.Column("execution_key", _key, sa.ForeignKey("executions.key"), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "item_states",
        sa.Column("profile_key", _key, sa.ForeignKey("profiles.key"), primary_key=True, autoincrement=False),
        sa.Column("item", sa.String(128), primary_key=True),
        sa.Column("ordinal", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("key", _key, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("storage_limit", sa.BigInteger),
        sa.Column("stored", sa.BigInteger, nullable=False),
    )

"""The tables, as the newest migration leaves them.

Bodies are JSON as text, also on PostgreSQL: they are given back as they came, and never looked into by the database.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# SQLite gives out numbers by itself only for a column that is an INTEGER and nothing else.
Key = BigInteger().with_variant(Integer, "sqlite")

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers that only grow; ``revision`` numbers the changes of executions."""

profiles = Table(
    "profiles",
    metadata,
    Column("key", Key, primary_key=True),
    Column("flow", String(128), nullable=False),
    Column("profile", String(128), nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("fencing", BigInteger, nullable=False),
    Column("lease_holder", Text),
    Column("lease_execution", String(26)),
    Column("lease_expires_ms", BigInteger),
    Column("inputs", Text),
    UniqueConstraint("flow", "profile", name="uq_profiles_flow_profile"),
)
"""A profile of a flow: the serial of its states, the last fencing number given out, who holds it, and its inputs."""

flow_infos = Table(
    "flow_infos",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("body", Text, nullable=False),
)

executions = Table(
    "executions",
    metadata,
    Column("key", Key, primary_key=True),
    Column("id", String(26), nullable=False, unique=True),
    Column("profile_key", Key, ForeignKey("profiles.key"), nullable=False),
    Column("cmds", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("status", String(32), nullable=False),
    Column("holder", Text, nullable=False),
    Column("fencing", BigInteger),
    Column("next_seq", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("active_ms", BigInteger, nullable=False),
    Column("started_at", String(40)),
    Column("ended_at", String(40)),
    Column("ended_ms", BigInteger),
    Column("interrupt", Text),
    Column("flow_info", String(64), ForeignKey("flow_infos.hash")),
    Column("revision", BigInteger, nullable=False),
    Index("ix_executions_profile_key", "profile_key", "key"),
    Index("ix_executions_status", "status", "key"),
    Index("ix_executions_revision", "revision"),
)
"""What changes while an execution runs, in rows that are short enough to be written often."""

execution_details = Table(
    "execution_details",
    metadata,
    Column("execution_key", Key, ForeignKey("executions.key"), primary_key=True, autoincrement=False),
    Column("inputs", Text, nullable=False),
    Column("request", Text),
    Column("outcome", Text),
)

events = Table(
    "events",
    metadata,
    Column("execution_key", Key, ForeignKey("executions.key"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)
"""In the order in which they came, with an index: in the order of their key, SQLite would split pages all the time."""

item_states = Table(
    "item_states",
    metadata,
    Column("profile_key", Key, ForeignKey("profiles.key"), primary_key=True, autoincrement=False),
    Column("item", String(128), primary_key=True),
    Column("ordinal", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
"""One row per item, so that an event costs the same however many items its flow has."""

tokens = Table(
    "tokens",
    metadata,
    Column("key", Key, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("storage_limit", BigInteger),
    Column("stored", BigInteger, nullable=False),
)
"""Named tokens; only the SHA-256 of a token is kept. ``stored`` counts the bytes that it wrote."""

telemetry = Table(
    "telemetry",
    metadata,
    Column("key", Key, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("signal", String(8), nullable=False),
    Column("execution_id", String(26)),
    Column("at_ns", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("resource", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_telemetry_execution", "execution_id", "signal", "at_ns"),
    Index("ix_telemetry_received", "received_ms"),
)
"""Spans, metrics and log records, as OTLP has them; ``digest`` keeps what is sent twice from being stored twice."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("execution_id", String(26), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""Requests to run something, by the key that their sender gave them."""

pauses = Table(
    "pauses",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("reason", Text),
    Column("since_ms", BigInteger, nullable=False),
)
"""The switch that stops everything: a row, named ``all``, while it is on."""

"""The switch that stops everything."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the switch, which has a row while it is on."""
    op.create_table(
        "pauses",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("reason", sa.Text),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
    )

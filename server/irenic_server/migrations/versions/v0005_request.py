"""What was asked for, whole."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the options of an execution's request, so that a resume is the same request again."""
    op.add_column("execution_details", sa.Column("request", sa.Text))

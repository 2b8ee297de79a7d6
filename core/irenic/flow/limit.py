"""Limits that items share by name."""

from pydantic import BaseModel, ConfigDict, Field


class Limit(BaseModel):
    """A named limit: at most ``concurrency`` holders at once, at most ``rate`` starts in ``per`` seconds."""

    model_config = ConfigDict(frozen=True)

    concurrency: int | None = Field(None, ge=1)
    rate: int | None = Field(None, ge=1)
    per: float = Field(1.0, gt=0)

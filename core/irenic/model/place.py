"""Where files live: a folder on a machine, or a browser."""

from pydantic import BaseModel, ConfigDict, Field


class PlaceInfo(BaseModel):
    """One place: its id lies beside the files that it speaks of, ``label`` names it for a person."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1, max_length=64)
    label: str = Field("", max_length=256)

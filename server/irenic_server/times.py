"""Times that clients send: RFC 3339, and such as there are."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from irenic.model.timestamps import Timestamp

_rfc3339 = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def is_time(text: str) -> bool:
    """Tell whether a text is a time; there is neither a 30th of February nor a month 99."""
    if not _rfc3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _checked(text: str) -> str:
    if not is_time(text):
        raise ValueError("is no time that there is")
    return text


RealTimestamp = Annotated[Timestamp, AfterValidator(_checked)]
"""A timestamp in the form that the core writes, which names a time that there is."""

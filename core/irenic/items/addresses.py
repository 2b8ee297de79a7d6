"""Addresses of the web that an item may be given."""

from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, ValidationError

_http_url = TypeAdapter(HttpUrl)


def _checked(address: str) -> str:
    if address.startswith("/") and not address.startswith("//"):
        return address
    try:
        return str(_http_url.validate_python(address))
    except ValidationError as error:
        raise ValueError("must begin with http://, https:// or /") from error


WebAddress = Annotated[str, AfterValidator(_checked), Field(json_schema_extra={"format": "uri-reference"})]
"""An ``http`` or ``https`` URL, or, in the tab, a path on the page's own site such as ``/flows/sample.zip``."""


def without_login(address: str) -> str:
    """Return an address without the user name and password that it may hold."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

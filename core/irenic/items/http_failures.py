"""What is said where a request does not end well."""

from urllib.parse import urlsplit

from irenic.flow.context import HttpResponse
from irenic.model.errors import ItemFailure

_MEANING = {
    400: "the server did not understand the request",
    401: "it wants a login",
    403: "it refuses access",
    404: "there is nothing at this address",
    407: "a proxy on the way wants a login",
    410: "what was there is gone",
    429: "it was asked too often: wait a while and run it again",
    500: "the server failed",
    502: "a server on the way failed",
    503: "the server is not available now: run it again later",
    504: "a server on the way did not answer in time",
}


def check_status(response: HttpResponse, url: str) -> None:
    """Do nothing for a response of success.

    :raises ItemFailure: if the status is 400 or above.
    """
    if response.status >= 400:
        meaning = _MEANING.get(response.status, "the server refuses" if response.status < 500 else "the server failed")
        raise ItemFailure(f"{shown(url)} answered {response.status}: {meaning}.")


def host_of(url: str) -> str:
    """Return the host of a URL, with its port where it has one; the URL itself where it has no host."""
    parts = urlsplit(url)
    if parts.hostname is None:
        return url
    return parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"


def shown(url: str) -> str:
    """Return a URL as it may be shown: without a login, and without a query, which often holds a token."""
    parts = urlsplit(url)
    if parts.hostname is None:
        return parts.path
    return f"{parts.scheme}://{host_of(url)}{parts.path}"

"""A server's address as it prints it: with its token."""

from urllib.parse import parse_qs, urlsplit, urlunsplit


def without_token(address: str) -> tuple[str, str]:
    """Return a server's URL without the token in it, and the token, which may be empty."""
    parts = urlsplit(address)
    token = parse_qs(parts.query).get("token", [""])[0]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")).rstrip("/"), token

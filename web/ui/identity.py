"""Who this browser and this tab are, and the ids of executions that they begin."""

from __future__ import annotations

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(now_ms: int, randomness: bytes) -> str:
    """Return an execution's id.

    :param now_ms: Unix time in milliseconds.
    :param randomness: ten random bytes.
    """
    value = (now_ms << 80) | int.from_bytes(randomness, "big")
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def word(randomness: bytes) -> str:
    """Return random bytes as a short word that is safe in an id."""
    return "".join(_CROCKFORD[byte & 31] for byte in randomness).lower()


def holder(browser: str, tab: str) -> str:
    """Return the name under which a tab holds a profile."""
    return f"tab {browser}/{tab}"


def is_of_browser(name: str, browser: str) -> bool:
    """Whether a holder is a tab of this browser."""
    return name.startswith(f"tab {browser}/")


def is_identifier(text: str) -> bool:
    """Whether a text can name a profile: letters, digits, ``_``, ``-`` and ``.``, the last two not in front."""
    if not text or len(text) > 128 or text[0] in "-.":
        return False
    return all(letter in "_-." or (letter.isalpha() and ord(letter) < 128) or letter in "0123456789" for letter in text)

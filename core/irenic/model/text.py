"""Text that goes into a journal."""


def writable(text: str) -> str:
    r"""Return a text with what cannot be written as UTF-8 shown as an escape, such as ``\udc80``.

    Such halves of surrogate pairs are what Python makes of bytes in a file's name that are no UTF-8.
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()

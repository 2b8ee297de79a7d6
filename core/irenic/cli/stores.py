"""Opens the store that ``--store`` names."""

from pathlib import Path

from irenic.engine.store import Store
from irenic.model.errors import ParamsError
from irenic.model.server_address import without_token

MEMORY = "memory"
"""A store that is forgotten when the program ends."""


def is_address(store: str) -> bool:
    """Return whether a store is a server's."""
    return store.startswith(("http://", "https://"))


def open_store(store: str, token: str = "") -> Store:
    """Return the store in a folder, or of a server whose token is given or part of its URL.

    :raises ParamsError: if neither can be meant.
    """
    if store == MEMORY:
        from irenic.stores import MemoryStore

        return MemoryStore()
    if is_address(store):
        from irenic.stores import HttpStore

        address, token_in_address = without_token(store)
        return HttpStore(address, token=token_in_address or token)
    if "://" in store:
        raise ParamsError(f"--store {store} is neither a folder nor an http address.")
    if Path(store).is_file():
        raise ParamsError(f"--store {store} is a file: name a folder, or a server's URL.")
    from irenic.stores import FileStore

    return FileStore(store)

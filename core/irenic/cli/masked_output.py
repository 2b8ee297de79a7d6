"""What the flow's code prints, without the secrets in it."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from irenic.flow.secret_mask import SecretMask


class MaskedStream:
    """A stream that passes text on without secrets; in all else it is the stream that it stands for."""

    def __init__(self, stream: Any, secrets: SecretMask) -> None:
        self._stream = stream
        self._secrets = secrets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text without the secrets in it."""
        self._stream.write(self._secrets.text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts without the secrets in them."""
        for line in lines:
            self.write(line)


@contextlib.contextmanager
def masked_output(secrets: SecretMask) -> Iterator[None]:
    """Mask secrets in what is printed to standard output and standard error until the block ends.

    What a child process writes there does not pass through here.
    """
    masked = {name: MaskedStream(getattr(sys, name), secrets) for name in ("stdout", "stderr")}
    before = {name: getattr(sys, name) for name in masked}
    for name, stream in masked.items():
        setattr(sys, name, stream)
    try:
        yield
    finally:
        for name, stream in masked.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, before[name])

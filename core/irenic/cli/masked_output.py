"""What the flow's code prints, without the secrets in it."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from irenic.endpoints.printed_lines import replaced_streams
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
    with replaced_streams(("stdout", "stderr"), lambda stream: MaskedStream(stream, secrets)):
        yield

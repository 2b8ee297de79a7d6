"""Secrets among inputs: they stay in the process that was given them."""

from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr


def public_values(inputs: BaseModel | None) -> dict[str, Any]:
    """Return the inputs that were given, as JSON-able data, without the secret ones."""
    if inputs is None:
        return {}
    secret = {name for name in type(inputs).model_fields if isinstance(getattr(inputs, name), (SecretStr, SecretBytes))}
    return inputs.model_dump(mode="json", exclude_unset=True, exclude=secret)

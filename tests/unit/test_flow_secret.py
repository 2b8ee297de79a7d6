"""Secrets stay in the process that was given them."""

from pydantic import BaseModel, Field, SecretBytes, SecretStr

from irenic.flow.secret import public_values


class Account(BaseModel):
    """Something with a secret in it."""

    name: str = "ada"
    password: SecretStr = SecretStr("hush")


class Inputs(BaseModel):
    """Inputs of which some are, or hold, secrets."""

    url: str = "u"
    token: SecretStr | None = None
    key: SecretBytes | None = None
    account: Account | None = None
    tokens: list[SecretStr] = []
    size: int = Field(3, alias="Size")


def test_inputs_that_are_or_hold_a_secret_are_left_out() -> None:
    """Also where they would only be shown as asterisks, which nobody could use again."""
    secret = SecretStr("hush")
    inputs = Inputs(url="v", token=secret, key=SecretBytes(b"hush"), account=Account(), tokens=[secret])
    assert public_values(inputs) == {"url": "v"}


def test_inputs_without_a_secret_in_them_are_kept() -> None:
    """Those that were given, by the names of their fields."""
    assert public_values(Inputs.model_validate({"Size": 4, "token": None})) == {"size": 4, "token": None}
    assert public_values(None) == {}

"""Secrets are masked by their values, however they are written."""

import base64
import json
from typing import Any, Generic, TypeVar
from urllib.parse import quote, quote_plus

import pytest
from pydantic import BaseModel, Secret, SecretBytes, SecretStr, field_validator

from irenic import Flow
from irenic.flow.params import PartialParams
from irenic.flow.secret_mask import MASK, SecretMask, holds_secrets, may_hold_secrets
from irenic.model.errors import ParamsError

HUSH = 'hu/sh "ö" +1'


class Key(BaseModel):
    """A key in two parts."""

    id: str
    key: str


class Account(BaseModel):
    """Something with a secret in it, and with itself."""

    name: str = "ada"
    password: SecretStr | None = None
    parent: "Account | None" = None


class Plain(BaseModel):
    """Nothing secret."""

    name: str = "ada"
    names: list[str] = []
    parent: "Plain | None" = None


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    """Anything."""

    content: T
    rest: Any = None


def mask_of(*values: Any) -> SecretMask:
    """Return a mask that has learned of values."""
    mask = SecretMask()
    mask.learn(*values)
    return mask


@pytest.mark.parametrize(
    "form",
    [
        HUSH,
        repr(HUSH),
        json.dumps(HUSH),
        json.dumps(HUSH, ensure_ascii=False),
        quote(HUSH),
        quote(HUSH, safe=""),
        quote_plus(HUSH),
        base64.b64encode(HUSH.encode()).decode(),
        base64.urlsafe_b64encode(HUSH.encode()).decode(),
    ],
)
def test_a_secret_is_known_however_it_is_written(form: str) -> None:
    """As it is, in Python, JSON, a URL, or a header; what stands around it stays."""
    masked = mask_of(SecretStr(HUSH)).text(f"before {form} after")
    assert masked.strip("befor '\"at") == MASK
    assert masked.startswith("before ") and masked.endswith(" after")


def test_each_line_of_a_secret_of_several_is_known_by_itself() -> None:
    """As a log shows it; lines of a few characters are in too much else."""
    mask = mask_of(SecretStr("----\nMIIEowIBAAKCAQEA\n"))
    assert mask.text("got MIIEowIBAAKCAQEA") == f"got {MASK}"
    assert mask.text("----") == "----"


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (SecretBytes(b"hush\xff"), ["hush\\xff", base64.b64encode(b"hush\xff").decode()]),
        (Secret("hush"), ["hush"]),
        (Secret(123456), ["123456"]),
        (Secret(Key(id="id-of-it", key="key-of-it")), ["id-of-it", "key-of-it"]),
        (Secret({"a": ["hush", None, True]}), ["hush"]),
        (Account(password=SecretStr("hush")), ["hush"]),
        (Account(parent=Account(password=SecretStr("hush"))), ["hush"]),
        ({"a": [SecretStr("hush")], "b": (SecretStr("hash"),)}, ["hush", "hash"]),
        (PartialParams(Account, {"password": SecretStr("hush")}, frozenset({"name"})), ["hush"]),
        (PartialParams(Account, {}, frozenset(), Account(password=SecretStr("hush"))), ["hush"]),
        (Box[Any](content=SecretStr("hush")), ["hush"]),
    ],
)
def test_secrets_are_found_wherever_they_are(value: Any, texts: list[str]) -> None:
    """In models, lists, dicts and params, of every kind that pydantic has."""
    mask = mask_of(value)
    assert [mask.text(text) for text in texts] == [MASK] * len(texts)


def test_short_texts_and_what_is_no_secret_are_left_alone() -> None:
    """A secret of three characters would be found in every sentence."""
    mask = mask_of(SecretStr("the"), Plain(), None, "text", 3)
    assert not mask
    assert mask.text("the other") == "the other"
    assert mask.data({"a": "the"}) == {"a": "the"}
    mask.learn(SecretStr("hush"))
    mask.learn(SecretStr("hush"))
    assert mask
    assert mask.text("the hush") == f"the {MASK}"


def test_data_and_models_are_masked_and_else_the_same_objects() -> None:
    """Keys too; the type of a sequence stays."""
    mask = mask_of(SecretStr("hush"))
    assert mask.data({"hush": ["a hush", ("hush", 1)], "b": None}) == {MASK: [f"a {MASK}", (MASK, 1)], "b": None}
    assert mask.data(Plain(names=["hush"])) == Plain(names=[MASK])
    for same in ({"a": ["x", {"b": 1}]}, Plain(names=["x"]), ("x",), "x", 1):
        assert mask.data(same) is same


def test_types_that_may_hold_a_secret() -> None:
    """Those that take anything may."""
    assert may_hold_secrets(Account)
    assert not may_hold_secrets(Plain)
    assert may_hold_secrets(Box)
    assert holds_secrets(Secret[int])
    assert holds_secrets(dict[str, SecretBytes | None])
    assert not holds_secrets(dict[str, list[int]])


class Picky(BaseModel):
    """Says what it does not like."""

    size: int = 1
    token: SecretStr

    @field_validator("token")
    @classmethod
    def known(cls, token: SecretStr) -> SecretStr:
        """Refuse every token."""
        raise ValueError(f"no such token: {token.get_secret_value()}")


def test_inputs_that_are_not_valid_are_explained_without_secrets() -> None:
    """Whatever the author's own validator says."""
    with pytest.raises(ParamsError, match=r"no such token: \*{10}\.$"):
        Flow("f", inputs=Picky).merge_inputs({"size": 2}, {"token": "hunter2"})

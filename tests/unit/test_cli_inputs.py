"""Inputs as they are typed."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, HttpUrl, SecretStr

from irenic import Flow
from irenic.cli.inputs import parse_inputs
from irenic.model.errors import ParamsError


class Size(BaseModel):
    """A structured value."""

    width: int
    height: int = 1


class Inputs(BaseModel):
    """Of every kind."""

    url: HttpUrl = HttpUrl("https://example.org")
    name: str = ""
    count: Annotated[int, Field(ge=1)] = 1
    maybe: int | None = None
    note: str | None = "default"
    tags: list[str] = []
    size: Size = Size(width=1)
    either: str | list[str] = ""
    token: SecretStr = SecretStr("")


FLOW = Flow("inputs", inputs=Inputs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("url=https://example.org/?a=b", "https://example.org/?a=b"),
        ("name=null", "null"),
        ("name=", ""),
        ("name=3", "3"),
        ("count=3", "3"),
        ("count=0", 0),
        ("count=many", "many"),
        ("maybe=null", None),
        ("note=null", None),
        ("note=", ""),
        ('tags=["a", "b"]', ["a", "b"]),
        ("tags=a", "a"),
        ('size={"width": 3}', {"width": 3}),
        ("either=plain", "plain"),
        ("token=s3cret", "s3cret"),
    ],
)
def test_text_stands_as_typed_and_all_else_is_json(text: str, value: Any) -> None:
    """What fits neither is left for the model to complain about, by name."""
    assert parse_inputs(FLOW, [text], {}) == {text.partition("=")[0]: value}


def test_the_environment_counts_for_less_than_the_command_line() -> None:
    """A secret need not stand in a list of processes."""
    environment = {"IRENIC_INPUT_TOKEN": "hidden", "IRENIC_INPUT_NAME": "env", "IRENIC_INPUT_OTHER": "x"}
    assert parse_inputs(FLOW, ["name=typed"], environment) == {"token": "hidden", "name": "typed"}


def test_the_last_of_several_counts() -> None:
    """As with every other option."""
    assert parse_inputs(FLOW, ["name=a", "name=b"], {}) == {"name": "b"}


@pytest.mark.parametrize(
    ("flow", "text", "told"),
    [
        (FLOW, "name", "--input name has no value: write --input name=VALUE."),
        (FLOW, "nam=x", "inputs has no input 'nam'; it has: url, name, count,"),
        (Flow("bare"), "a=b", "bare has no input 'a'; it takes none."),
    ],
)
def test_what_is_no_input_is_named(flow: Flow, text: str, told: str) -> None:
    """With what there is instead."""
    with pytest.raises(ParamsError) as caught:
        parse_inputs(flow, [text], {})
    assert told in str(caught.value)

"""Params given as values and references, resolved as far as the states are known."""

import re
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, Secret, SecretBytes, SecretStr, field_validator

from irenic import PartialParams, Ref
from irenic.flow.params import ParamsSpec, by_field_name, digest
from irenic.model.errors import FlowError, ParamsError


class Server(BaseModel):
    """What other items refer to."""

    address: str | None = None
    ports: list[int] = [80]


class Inputs(BaseModel):
    """A flow's inputs."""

    region: str = "north"
    token: SecretStr | None = None


class Params(BaseModel):
    """Params of every sort."""

    name: str
    address: str = "localhost"
    maybe: str | None = None
    folder: Annotated[Path, Field(description="where")] = Path("here")
    tags: list[str] = Field(default_factory=lambda: ["new"])
    by_name: dict[str, int] = {}
    pair: tuple[int, str] = (1, "x")
    port: int = Field(80, gt=0)
    header: str = Field("", alias="X-Header")

    @field_validator("name")
    @classmethod
    def _name_is_short(cls, value: str) -> str:
        if len(value) > 8:
            raise ValueError("too long")
        return value


SERVER: Any = Ref("server", (), Server)
INPUTS: Any = Ref(None, (), Inputs)


def first(ports: list[int]) -> int:
    """Map a reference."""
    return ports[0]


def spec(**given: Any) -> ParamsSpec[Params]:
    """Return how the params of an item are obtained."""
    return ParamsSpec("item", Params, {"name": "n", **given})


def resolve(server: Server | None = None, inputs: Inputs | None = None, **given: Any) -> PartialParams[Params]:
    """Return the params as far as they are known."""
    return spec(**given).resolve({"server": server}, inputs or Inputs())


def whole(partial: PartialParams[Params]) -> Params:
    """Return params that are known."""
    params = partial.whole()
    assert params is not None
    return params


def test_values_resolve_to_themselves() -> None:
    """Scenario 85: they are checked once, when the flow is built."""
    given = spec(folder="there", tags=["a"])
    params = whole(given.resolve({}, None))
    assert (params.folder, params.tags, params.port) == (Path("there"), ["a"], 80)
    assert given.resolve({}, None).whole() is params
    assert given.predecessors() == []


def test_a_reference_resolves_to_the_value_it_stands_for() -> None:
    """Scenarios 86 and 88: of a state, or of the inputs, mixed with values."""
    partial = resolve(Server(address="s1", ports=[8080]), address=SERVER.address, tags=[INPUTS.region, "b"])
    assert whole(partial).address == "s1"
    assert whole(partial).tags == ["north", "b"]
    assert partial.address == "s1"


def test_a_reference_to_what_is_not_known_yet_leaves_the_params_partial() -> None:
    """Scenarios 86 and 87: absence is no error; what is known can be read, as its type, and what is not is None."""
    partial = resolve(None, address=SERVER.address, port=SERVER.ports.map(first), folder="there")
    assert partial.whole() is None
    assert partial.missing == {"address", "port"}
    assert (partial.name, partial.address, partial.port) == ("n", None, None)
    assert (partial.folder, partial.tags) == (Path("there"), ["new"])


def test_none_fills_a_field_that_takes_it_and_leaves_others_open() -> None:
    """The design's rule for references that could be None."""
    assert resolve(Server(address=None), address=SERVER.address).missing == {"address"}
    partial = resolve(Server(address=None), maybe=SERVER.address)
    assert partial.missing == frozenset()
    assert whole(partial).maybe is None


def test_references_stand_inside_lists_tuples_and_dicts() -> None:
    """Scenario 88: one that is not known leaves the whole field open."""
    places: dict[str, Any] = {
        "tags": [SERVER.address, "x"],
        "pair": (SERVER.ports.map(first), SERVER.address),
        "by_name": {"port": SERVER.ports.map(first)},
    }
    params = whole(resolve(Server(address="s1", ports=[7]), **places))
    assert (params.tags, params.pair, params.by_name) == (["s1", "x"], (7, "s1"), {"port": 7})
    assert resolve(None, **places).missing == {"tags", "pair", "by_name"}
    assert resolve(Server(address=None), **places).missing == {"tags", "pair"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nothing": 1}, "item has no param nothing; it has: name, address"),
        ({"port": SERVER.address}, "item.port wants int, but server.state.address is str | None: refer to another"),
        ({"tags": SERVER.address}, re.escape("item.tags wants list[str], but server.state.address is")),
        ({"tags": [SERVER.ports.map(first)]}, r"item.tags wants str, but server.state.ports.map\(first\) is int"),
        ({"by_name": {"a": SERVER.address}}, "item.by_name wants int, but server.state.address"),
        ({"pair": (SERVER.address, "x")}, "item.pair wants int, but server.state.address"),
        ({"port": 0}, "the params of item are not valid: port: Input should be greater than 0"),
        ({"port": "x", "tags": 1}, "tags: .*; port: "),
    ],
)
def test_what_does_not_fit_is_refused_when_the_flow_is_built(given: dict[str, Any], message: str) -> None:
    """Scenarios 73 and 74: all of it is named, with what there is; the values are not."""
    with pytest.raises(FlowError, match=message):
        spec(**given)


def test_a_param_without_a_value_is_named() -> None:
    """Scenario 73: those that have a default need none."""
    with pytest.raises(FlowError, match=r"item needs a value for: name\."):
        ParamsSpec("item", Params, {})

    class Empty(BaseModel):
        """No params."""

    with pytest.raises(FlowError, match="it has: none"):
        ParamsSpec("item", Empty, {"a": 1})


def test_params_that_turn_out_to_be_invalid_are_an_error_of_the_item() -> None:
    """Scenario 89: with the fields, and without the values."""
    partial = resolve(Server(ports=[-1]), port=SERVER.ports.map(first))
    with pytest.raises(ParamsError, match="Params cannot be made: port: Input should be greater than 0") as caught:
        partial.whole()
    assert "-1" not in str(caught.value)
    partly = resolve(None, address=SERVER.address, folder=INPUTS.region.map(not_a_path))
    with pytest.raises(ParamsError, match=r"Params.folder cannot be read: value: "):
        _ = partly.folder


def not_a_path(region: str) -> Any:
    """Map a reference to something that is no path."""
    return 3.5


def test_a_param_may_be_given_by_its_alias() -> None:
    """And read by its name."""
    given = {"X-Header": INPUTS.region}
    assert list(by_field_name(Params, given)) == ["header"]
    assert whole(resolve(None, **given)).header == "north"
    assert resolve(None, **given).header == "north"
    assert whole(resolve(header="h")).header == "h"


def test_partial_params_have_the_fields_of_the_params_and_no_others() -> None:
    """Nor Python's own protocols."""
    partial = resolve()
    with pytest.raises(AttributeError, match="Params has no field 'nothing'"):
        _ = partial.nothing
    with pytest.raises(AttributeError):
        partial.__iter__()


def test_a_specification_names_the_items_it_refers_to_once() -> None:
    """In the order of their first mention; the inputs are no item."""
    other: Any = Ref("other", (), Server)
    places = {"address": other.address, "tags": [SERVER.address, other.address], "maybe": INPUTS.region}
    assert spec(**places).predecessors() == ["other", "server"]


def test_equal_params_have_equal_digests() -> None:
    """The order of a set does not count: it follows from how the set came about, and is another in every process."""

    class Many(BaseModel):
        """Params that Python does not keep in order."""

        numbers: set[int]
        nested: dict[str, frozenset[int]]

    one, other = [0, 8], [8, 0]
    assert list(set(one)) != list(set(other))
    assert digest(Many(numbers=set(one), nested={"x": frozenset(one)})) == digest(
        Many(numbers=set(other), nested={"x": frozenset(other)})
    )
    assert digest(Params(name="a")) == digest(Params(name="a"))
    assert digest(Params(name="a")) != digest(Params(name="b"))
    assert digest({"any": object}) == digest({"any": object})


class Secrets(BaseModel):
    """Params with secrets in every place."""

    plain: SecretStr
    raw: SecretBytes = SecretBytes(b"r")
    number: Secret[int] = Secret(3)
    many: list[SecretStr] = []
    named: dict[str, SecretStr] = {}
    inner: Inputs | None = None


def test_a_secret_counts_wherever_it_stands() -> None:
    """By a digest of its own; the secret itself is nowhere to be seen."""
    secret = SecretStr("hush")
    variants = [
        Secrets(plain=SecretStr("a")),
        Secrets(plain=SecretStr("b")),
        Secrets(plain=SecretStr("a"), raw=SecretBytes(b"s")),
        Secrets(plain=SecretStr("a"), number=Secret(4)),
        Secrets(plain=SecretStr("a"), many=[secret]),
        Secrets(plain=SecretStr("a"), many=[SecretStr("hush!")]),
        Secrets(plain=SecretStr("a"), named={"k": secret}),
        Secrets(plain=SecretStr("a"), inner=Inputs(token=secret)),
    ]
    assert len({digest(variant) for variant in variants}) == len(variants)

"""Fields of a state that are generated."""

from pydantic import BaseModel

from irenic import Generated
from irenic.flow.generated import GENERATED, changed_fields, generated_fields, states_equal


class Server(BaseModel):
    """A state with a part that is chosen and two that are made."""

    name: str | None
    id: Generated[str] = None
    made_at: Generated[int] = None


def test_generated_fields_are_marked_in_the_model() -> None:
    """And only those."""
    assert generated_fields(Server) == {"id", "made_at"}
    assert repr(GENERATED) == "Generated"


def test_a_generated_field_is_not_compared_while_it_is_unknown() -> None:
    """Scenario 141: the tracked unknown equals anything; what is known on both sides has to be the same."""
    goal, made = Server(name="a"), Server(name="a", id="i-1", made_at=3)
    assert states_equal(goal, made)
    assert states_equal(made, goal)
    assert not states_equal(made, Server(name="a", id="i-2", made_at=3))
    assert changed_fields(made, Server(name="b", id="i-2")) == ["name", "id"]


def test_none_in_an_ordinary_field_is_a_value() -> None:
    """It means that there is nothing."""
    assert not states_equal(Server(name=None), Server(name="a"))
    assert changed_fields(Server(name="a"), Server(name="a")) == []


def test_a_state_that_is_not_known_equals_only_another_that_is_not() -> None:
    """Scenario: both absent is in sync, one absent is not."""
    assert states_equal(None, None)
    assert not states_equal(None, Server(name="a"))
    assert not states_equal(Server(name="a"), None)

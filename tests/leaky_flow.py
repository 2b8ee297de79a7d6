"""A flow whose items let a secret slip in every way that they have."""

SECRET = 'hunter2-SECRET/"x"+ä'
HIDDEN = "hunter2-SECRET"
"""The part of it that is written the same everywhere."""

LEAKY = """
import asyncio, base64, logging, os
from typing import Any
from pydantic import BaseModel, Field, SecretStr, TypeAdapter
from irenic import Flow, Item, ItemContext

class Inputs(BaseModel):
    user: str = "ada"
    token: SecretStr

class Params(BaseModel):
    token: SecretStr
    header: str = ""
    short: str | None = None

class State(BaseModel):
    login: str | None = None
    url: str | None = None

class Short(BaseModel):
    text: str = Field(max_length=3)

def bearer(token: SecretStr) -> str:
    return "Bearer " + token.get_secret_value()

def here(id: str) -> State:
    if not os.path.exists(id):
        return State()
    with open(id, encoding="utf-8") as file:
        return State(login="ada", url=file.read())

class Leaky(Item[Params, State]):
    def identity(self, params: Params) -> Any:
        return [self.id, params.header]

    async def state_current(self, cx: ItemContext, params: Params) -> State:
        print("looks with", params.header)
        return here(self.id)

    async def state_goal(self, cx: ItemContext, params: Params) -> State:
        return State(login="ada", url="http://u/?t=" + params.token.get_secret_value())

    def state_clean(self, params_partial: Any) -> State:
        return State()

    async def apply(self, cx: ItemContext, params: Params, current: State, target: State, diff: Any) -> State:
        secret = params.token.get_secret_value()
        cx.log.info(f"log {params.header}")
        cx.progress.message(f"message {secret}")
        print("printed", secret)
        logging.getLogger("leaky").warning("logged %s", secret)
        if target.login is None:
            os.unlink(self.id)
            return target
        await cx.keep(target)
        async with cx.shield(f"shield {secret}"):
            pass
        if os.environ.get("LEAKY") == "raise":
            try:
                raise KeyError(secret)
            except KeyError as error:
                raise ExceptionGroup(f"group {secret}", [RuntimeError(repr(secret)), error]) from error
        if os.environ.get("LEAKY") == "validate":
            Short(text=(secret + "y" * 40) * 2)
        if os.environ.get("LEAKY") == "return":
            return State(url=secret)
        with open(self.id, "w", encoding="utf-8") as file:
            file.write(target.url)
        return target

flow = Flow("leaky", inputs=Inputs)
first = flow.add(Leaky("first"), token=flow.inputs.token, header=flow.inputs.token.map(bearer))
"""

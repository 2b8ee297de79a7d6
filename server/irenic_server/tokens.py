"""Who may do what: the token of the start, and named tokens with scopes, of which only hashes are stored."""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from irenic.model.errors import IrenicError
from irenic.model.ids import IDENTIFIER_PATTERN
from irenic_server.clock import as_text, now_ms
from irenic_server.database import Database
from irenic_server.problems import Problem
from irenic_server.tables import tokens
from irenic_server.transaction import Transaction

REFRESH_SECONDS = 1.0
"""How old the list of named tokens may be: a token that was revoked is refused after this time."""


_identifier = re.compile(IDENTIFIER_PATTERN)


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    INTERRUPT = "interrupt"
    TAKE_OVER = "take_over"
    METRICS = "metrics"


ALL_SCOPES = frozenset(Scope)

OWNER = "owner"

_FLOW = "flow:"
"""Before the name of a flow, or of a flow and a profile, among the scopes as they are stored."""


class TokenError(IrenicError):
    """A named token that cannot be made or revoked."""


@dataclass(slots=True)
class Room:
    """How much a token may store and has stored, in bytes.

    ``pending`` is being stored just now: requests that come in the same moment share one limit.
    """

    limit: int | None = None
    stored: int = 0
    pending: int = 0


@dataclass(slots=True)
class Principal:
    """Whoever a token stands for.

    ``flows`` are the flows that it is for, each as ``FLOW`` or ``FLOW/PROFILE``; it is for all where there are none.
    """

    name: str
    scopes: frozenset[Scope]
    key: int | None = None
    room: Room = field(default_factory=Room)
    flows: frozenset[str] = frozenset()

    def narrowed(self, flow: str) -> "Principal":
        """Return the same for one flow only.

        :raises Problem: if it is not for that flow.
        """
        own = {name for name in self.flows if name.partition("/")[0] == flow} if self.flows else {flow}
        if not own:
            raise self.out_of_reach(flow)
        return replace(self, flows=frozenset(own))

    def may_reach(self, flow: str, profile: str | None = None) -> bool:
        """Tell whether it is for a profile of a flow; for all of its profiles where none is named."""
        return not self.flows or flow in self.flows or (profile is not None and f"{flow}/{profile}" in self.flows)

    def check_reach(self, flow: str, profile: str) -> None:
        """Check that it is for a profile of a flow.

        :raises Problem: if it is not.
        """
        if not self.may_reach(flow, profile):
            raise self.out_of_reach(f"{flow}/{profile}")

    def out_of_reach(self, what: str) -> Problem:
        """Return what is answered where it is not for something."""
        names = ", ".join(sorted(self.flows))
        detail = f"The token {self.name!r} is for {names} and not for {what}. Nothing was done. Ask for one that is."
        return Problem("forbidden", detail, flows=sorted(self.flows))

    def take_room(self, size: int) -> None:
        """Count bytes that are about to be stored.

        :raises Problem: if it may not store that much more.
        """
        room = self.room
        if room.limit is not None and room.stored + room.pending + size > room.limit:
            raise Problem(
                "storage-full",
                f"The token {self.name!r} may store {room.limit} bytes and has stored {room.stored}. Nothing of this "
                "request was stored; what was acknowledged before is safe. Ask for a larger limit.",
                limit=room.limit,
                stored=room.stored,
            )
        room.pending += size

    def settle(self, size: int, *, stored: bool) -> None:
        """Note that bytes for which there was room have been stored, or have not."""
        self.room.pending -= size
        if stored:
            self.room.stored += size


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What can be told of a named token."""

    name: str
    scopes: tuple[Scope, ...]
    flows: tuple[str, ...]
    created_at: str
    storage_limit: int | None
    stored: int


def _digest(token: str) -> str:
    # A token is 256 random bits: nothing is gained by a slow hash.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def create_token(
    database: Database,
    name: str,
    scopes: Iterable[Scope],
    *,
    flows: Iterable[str] = (),
    storage_limit: int | None = None,
) -> str:
    """Make a named token and return it; it can not be shown again.

    :param flows: what it is for, each as ``FLOW`` or ``FLOW/PROFILE``; everything where there are none.
    :raises TokenError: if there is one of that name, or a flow cannot be one.
    """
    wanted = set(flows)
    for flow in sorted(wanted):
        if not all(_identifier.fullmatch(part) for part in flow.split("/", 1)):
            raise TokenError(f"{flow!r} names no flow: use FLOW, or FLOW/PROFILE.")
    if name == OWNER:
        raise TokenError(f"{name!r} is the name of the token that the server is started with. Choose another one.")
    if not name or len(name) > 64 or not name.isprintable():
        raise TokenError(f"{name!r} is not a name for a token: use 1 to 64 printable characters.")
    token = f"irn_{secrets.token_urlsafe(32)}"
    try:
        with database.writer.begin() as connection:
            connection.execute(
                insert(tokens).values(
                    name=name,
                    hash=_digest(token),
                    scopes=" ".join([*sorted(set(scopes)), *(f"{_FLOW}{flow}" for flow in sorted(wanted))]),
                    created_ms=now_ms(),
                    storage_limit=storage_limit,
                    stored=0,
                )
            )
    except IntegrityError:
        raise TokenError(f"There is a token named {name!r} already. Revoke it first, or choose another name.") from None
    return token


def revoke_token(database: Database, name: str) -> None:
    """Delete a named token; servers refuse it within a second or two.

    :raises TokenError: if there is none of that name.
    """
    with database.writer.begin() as connection:
        if connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount == 0:
            raise TokenError(f"There is no token named {name!r}.")


def add_stored(transaction: Transaction, key: int, size: int) -> None:
    """Count bytes that a named token has stored."""
    transaction.connection.execute(update(tokens).where(tokens.c.key == key).values(stored=tokens.c.stored + size))


def list_tokens(database: Database) -> list[TokenRow]:
    """Return every named token, without its secret."""
    return database.read_now(_rows)


def _rows(connection: Connection) -> list[TokenRow]:
    return [
        TokenRow(
            row.name, _scopes(row.scopes), _flows(row.scopes), as_text(row.created_ms), row.storage_limit, row.stored
        )
        for row in connection.execute(select(tokens).order_by(tokens.c.name))
    ]


def _scopes(text: str) -> tuple[Scope, ...]:
    return tuple(Scope(word) for word in text.split() if not word.startswith(_FLOW))


def _flows(text: str) -> tuple[str, ...]:
    return tuple(word.removeprefix(_FLOW) for word in text.split() if word.startswith(_FLOW))


def _principals(connection: Connection) -> dict[str, Principal]:
    return {
        row.hash: Principal(
            row.name,
            frozenset(_scopes(row.scopes)),
            row.key,
            Room(row.storage_limit, row.stored),
            frozenset(_flows(row.scopes)),
        )
        for row in connection.execute(select(tokens))
    }


class Tokens:
    """The tokens that this process accepts."""

    def __init__(self, database: Database, own_token: str) -> None:
        self._database = database
        self._own = _digest(own_token)
        self._owner = Principal(OWNER, ALL_SCOPES)
        self._named: dict[str, Principal] = {}
        self._read_at = float("-inf")
        self._open: dict[int, set[asyncio.Event]] = {}

    def known(self, token: str) -> Principal | None:
        """Return whom a token stands for, where no look into the database is needed to tell."""
        digest = _digest(token)
        # Hashes are compared, so that the time taken says nothing of the token; and in constant time all the same.
        if hmac.compare_digest(digest, self._own):
            return self._owner
        return None if self._is_stale() else self._named.get(digest)

    async def principal(self, token: str, *, read: bool = True) -> Principal | None:
        """Return whom a token stands for, or None if it is not accepted.

        :param read: whether the database may be asked for a token that is not known yet.
        """
        found = self.known(token)
        if found is not None or not (read or self._is_stale()):
            return found
        await self.refresh()
        return self._named.get(_digest(token))

    async def refresh(self) -> None:
        """Read the named tokens, and end what goes on under those that were revoked."""
        fresh = await self._database.read(_principals)
        for digest, principal in fresh.items():
            known = self._named.get(digest)
            if known is not None:
                # The same object, because requests under way count on it; what is stored only grows.
                known.scopes, known.flows = principal.scopes, principal.flows
                known.room.limit = principal.room.limit
                known.room.stored = max(known.room.stored, principal.room.stored)
                fresh[digest] = known
        self._named = fresh
        self._read_at = time.monotonic()
        keys = {principal.key for principal in fresh.values()}
        for key, ends in self._open.items():
            if key not in keys:
                for end in ends:
                    end.set()

    async def refresh_open(self) -> None:
        """Do so, where anything goes on under a named token."""
        if self._open:
            await self.refresh()

    @contextmanager
    def revocable(self, principal: Principal) -> Iterator[asyncio.Event]:
        """Give an event that is set when a token is revoked, for what goes on for long."""
        end = asyncio.Event()
        if principal.key is None:
            yield end
            return
        ends = self._open.setdefault(principal.key, set())
        ends.add(end)
        try:
            yield end
        finally:
            ends.discard(end)
            if not ends:
                self._open.pop(principal.key, None)

    def _is_stale(self) -> bool:
        return time.monotonic() - self._read_at > REFRESH_SECONDS

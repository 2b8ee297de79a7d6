"""Whether a value of one type can stand where another type is wanted, as pydantic would take it."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic import AnyUrl, SecretBytes, SecretStr
from typing_extensions import TypeAliasType  # pydantic brings it along; Python has it from 3.12

_READ_FROM_TEXT: tuple[type, ...] = (
    *(PurePath, AnyUrl, enum.Enum, UUID, Decimal, SecretStr, SecretBytes),
    *(date, datetime, time, timedelta),
    *(IPv4Address, IPv6Address),
)
_NUMBERS: dict[type, tuple[type, ...]] = {float: (int,), complex: (int, float), Decimal: (int, float)}


def strip_annotated(type_: Any) -> Any:
    """Return the type without its ``Annotated`` metadata, and what a ``type`` statement's name stands for."""
    while get_origin(type_) is Annotated or isinstance(type_, TypeAliasType):
        type_ = type_.__value__ if isinstance(type_, TypeAliasType) else get_args(type_)[0]
    return type_


def is_satisfied_by(wanted: Any, offered: Any) -> bool:
    """Return whether a value of type ``offered`` can fill a field of type ``wanted``.

    None is left aside: where ``offered`` may be None and ``wanted`` may not, the field stays open until there is a
    value.
    """
    wanted, offered = strip_annotated(wanted), strip_annotated(offered)
    if wanted == offered or Any in (wanted, offered) or isinstance(wanted, TypeVar) or isinstance(offered, TypeVar):
        return True
    if get_origin(offered) in (Union, UnionType):
        members = [m for m in get_args(offered) if m is not NoneType]
        return all(is_satisfied_by(wanted, member) for member in members)
    if get_origin(wanted) in (Union, UnionType):
        return any(is_satisfied_by(member, offered) for member in get_args(wanted))
    if get_origin(wanted) is Literal or get_origin(offered) is Literal:
        return _literal_satisfied(wanted, offered)
    return _plain_satisfied(wanted, offered)


def element_type(wanted: Any, kind: type, number: int) -> Any:
    """Return the type that a container's type wants of an element; Any where it does not say.

    :param kind: what sort of container is given: one of keys and values (``Mapping``), or of elements.
    :param number: the element's place; for a mapping 0 is the key's type and 1 the value's.
    """
    wanted = strip_annotated(wanted)
    if get_origin(wanted) in (Union, UnionType):
        found = [element_type(member, kind, number) for member in get_args(wanted)]
        told = [type_ for type_ in found if type_ is not Any]
        return told[0] if len(told) == 1 else Any
    origin, arguments = get_origin(wanted), get_args(wanted)
    if not isinstance(origin, type) or not arguments or issubclass(origin, Mapping) != (kind is Mapping):
        return Any
    if kind is Mapping or (origin is tuple and arguments[-1] is not Ellipsis):
        return arguments[number] if number < len(arguments) else Any
    return arguments[0]


def _literal_satisfied(wanted: Any, offered: Any) -> bool:
    if get_origin(offered) is Literal:
        if get_origin(wanted) is Literal:
            return set(get_args(offered)) <= set(get_args(wanted))
        return all(is_satisfied_by(wanted, type(value)) for value in get_args(offered))
    return any(is_satisfied_by(type(value), offered) for value in get_args(wanted))


def _plain_satisfied(wanted: Any, offered: Any) -> bool:
    wanted_class, offered_class = get_origin(wanted) or wanted, get_origin(offered) or offered
    if wanted is None or offered is None:
        return wanted in (None, NoneType) and offered in (None, NoneType)
    if not isinstance(wanted_class, type) or not isinstance(offered_class, type):
        return bool(wanted == offered)
    if offered_class in _NUMBERS.get(wanted_class, ()):
        return True
    if issubclass(wanted_class, _READ_FROM_TEXT) and issubclass(offered_class, str):
        return True
    if not issubclass(offered_class, wanted_class):
        return _containers(wanted_class, offered_class) and _arguments_satisfied(wanted, offered)
    return _arguments_satisfied(wanted, offered)


def _containers(wanted: type, offered: type) -> bool:
    plain = (list, tuple, set, frozenset)
    return (wanted in plain or wanted in (Sequence, Iterable)) and offered in plain


def _arguments_satisfied(wanted: Any, offered: Any) -> bool:
    wanted_arguments, offered_arguments = get_args(wanted), get_args(offered)
    if not wanted_arguments or not offered_arguments:
        return True
    if isinstance(get_origin(wanted), type) and issubclass(get_origin(wanted), Mapping):
        pairs = zip(wanted_arguments, offered_arguments, strict=False)
        return all(is_satisfied_by(w, o) for w, o in pairs)
    elements = [a for a in offered_arguments if a is not Ellipsis]
    return all(is_satisfied_by(wanted_arguments[0], element) for element in elements)

"""Request parameters checked against the types that the pinned SDK publishes.

``stripe.params`` holds one TypedDict per request. Walking those says which names
exist, which are required and what a form's text means; a new SDK brings its own
contract along. Modules are loaded when a call first needs them.
"""

import importlib
import re
import types
import typing
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, ForwardRef, Literal, Union

from stripe_emulator.errors import InvalidParameter

# Stripe writes amounts in at most eleven digits.
LARGEST = 99_999_999_999
EMPTY: Mapping[str, Any] = types.MappingProxyType({})


def check(contract: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return ``raw`` with real numbers, booleans and lists, or refuse it.

    ``contract`` names the request: ``customer_create``, ``checkout.session_create``.
    """
    result: dict[str, Any] = _structure(_load(contract), raw, "")
    return result


@cache
def _load(contract: str) -> Any:
    package, _, name = contract.rpartition(".")
    path = f"stripe.params.{package}." if package else "stripe.params."
    module = importlib.import_module(f"{path}_{name}_params")
    title = "".join(part.title() for part in name.split("_"))
    return getattr(module, f"{title}Params")


@cache
def _fields(cls: Any) -> dict[str, Any]:
    """The resolved types of one TypedDict, without the transport options."""
    transport = importlib.import_module("stripe._request_options").RequestOptions
    module = importlib.import_module(cls.__module__)
    names = {**vars(typing), **vars(module)}
    return {
        name: _resolve(annotation, names)
        for name, annotation in cls.__annotations__.items()
        if name not in transport.__annotations__
    }


def _resolve(annotation: Any, names: dict[str, Any]) -> Any:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        annotation = eval(annotation, names)  # noqa: S307 (the SDK's own source)
    origin = typing.get_origin(annotation)
    if origin in {typing.NotRequired, typing.Required}:
        return _resolve(typing.get_args(annotation)[0], names)
    if origin is list:
        return list[_resolve(typing.get_args(annotation)[0], names)]  # type: ignore[misc]
    if origin is dict:
        return dict
    if origin in {Union, types.UnionType}:
        parts = [_resolve(part, names) for part in typing.get_args(annotation)]
        return Union[tuple(parts)]  # noqa: UP007 (a tuple needs subscription)
    if isinstance(origin, type) and origin.__name__ == "UntypedStripeObject":
        return dict
    return annotation


def _structure(cls: Any, raw: dict[str, Any], path: str) -> dict[str, Any]:
    fields = _fields(cls)
    result = {}
    for name, value in raw.items():
        where = f"{path}[{name}]" if path else name
        if name not in fields:
            raise InvalidParameter(
                f"Received unknown parameter: {where}",
                code="parameter_unknown",
                param=where,
            )
        result[name] = _value(fields[name], value, where)
    for name in sorted(cls.__required_keys__ & set(fields)):
        if name not in result:
            where = f"{path}[{name}]" if path else name
            raise InvalidParameter(
                f"Missing required param: {where}.",
                code="parameter_missing",
                param=where,
            )
    return result


def _value(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    options = list(typing.get_args(kind)) if origin is Union else [kind]
    return (
        _text(options, value, where)
        if isinstance(value, str)
        else _nested(options, value, where)
    )


def _nested(options: list[Any], value: dict[str, Any], where: str) -> Any:
    failures = []
    for option in options:
        try:
            if typing.get_origin(option) is list:
                return _list(typing.get_args(option)[0], value, where)
            if hasattr(option, "__required_keys__"):
                return _structure(option, value, where)
            if option is dict or option is Any:
                return value
        except InvalidParameter as failure:
            failures.append(failure)
    raise failures[0] if failures else _wrong(where, "Invalid value", "hash")


def _list(element: Any, value: dict[str, Any], where: str) -> list[Any]:
    if not all(key.isdecimal() for key in value):
        raise InvalidParameter(f"Invalid array: {where}", param=where)
    ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
    return [_value(element, item, f"{where}[{key}]") for key, item in ordered]


def _text(options: list[Any], value: str, where: str) -> Any:
    literals = {
        choice
        for option in options
        if typing.get_origin(option) is Literal
        for choice in typing.get_args(option)
    }
    if value in literals:
        return value
    scalars = [option for option in options if isinstance(option, type)]
    for option, convert in (
        (bool, _boolean),
        (int, _integer),
        (float, _number),
        (Decimal, _decimal),
    ):
        if option in scalars:
            try:
                return convert(value)
            except (ValueError, InvalidOperation):
                if str not in scalars:
                    raise _wrong(where, f"Invalid {option.__name__}", value) from None
    choices = sorted(str(choice) for choice in literals - {""})
    if str in scalars and not choices:
        if value == "" and "" not in literals:
            raise InvalidParameter(
                f"You passed an empty string for '{where}'. We assume empty values "
                f"are an attempt to unset a parameter; however '{where}' cannot be "
                f"unset. You should remove '{where}' from your request or supply a "
                "non-empty value.",
                code="parameter_invalid_empty",
                param=where,
            )
        return value
    if choices:
        # The SDK leaves enumerations open for the future; the service does not.
        raise InvalidParameter(
            f"Invalid {where}: must be one of {', '.join(choices)}", param=where
        )
    if Any in options:
        return value
    raise _wrong(where, "Invalid value", value)


def _boolean(value: str) -> bool:
    if value not in {"true", "false", "True", "False"}:
        raise ValueError(value)
    return value in {"true", "True"}


def _integer(value: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", value):
        raise ValueError(value)
    number = int(value)
    if abs(number) > LARGEST:
        raise ValueError(value)
    return number


def _number(value: str) -> float:
    number = float(value)
    if not abs(number) <= LARGEST:
        raise ValueError(value)
    return number


def _decimal(value: str) -> str:
    number = Decimal(value)
    if not number.is_finite() or number.adjusted() >= len(str(LARGEST)):
        raise ValueError(value)
    return value


def _wrong(where: str, what: str, value: str) -> InvalidParameter:
    names = {"Invalid int": "parameter_invalid_integer"}
    message = what.replace("Invalid int", "Invalid integer").replace("bool", "boolean")
    return InvalidParameter(f"{message}: {value}", param=where, code=names.get(what))

"""Request bodies: read strictly as JSON, leniently as numbers (they may come as strings)."""

import math
from typing import Any, Union, get_args, get_origin

import msgspec
from litestar import Request
from litestar.exceptions import ClientException, HTTPException

NESTING = 100
"""Levels of a body at most. More is an attack, and would end in a RecursionError somewhere."""


class UnsupportedMediaType(HTTPException):
    status_code = 415


class ApiRequest(Request[Any, Any, Any]):
    """Reads every body by the rules of this API, before Litestar puts it into the handler's struct."""

    async def json(self) -> Any:
        media_type = self.content_type[0].lower()
        if not (media_type == "application/json" or media_type.endswith("+json")):
            raise UnsupportedMediaType("the body must be JSON, with the header 'Content-Type: application/json'")
        field = self.route_handler.parsed_data_field
        return read_json(await self.body(), field.annotation if field else Any)


def read_json(body: bytes, into: Any = Any) -> Any:
    """The body as plain values, blank strings made null or 0 as the fields of `into` want. Raises a 400."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ClientException(f"the body is no valid JSON: {error}") from None
    _check(value, NESTING)
    if isinstance(into, type) and issubclass(into, msgspec.Struct):
        if not isinstance(value, dict):
            raise ClientException("the body must be a JSON object")
        for each in msgspec.structs.fields(into):
            if each.encode_name in value:
                value[each.encode_name] = _number(value[each.encode_name], _kinds(each.type))
    return value


def _check(value: Any, levels: int) -> None:
    if levels == 0:
        raise ClientException(f"the body is nested deeper than {NESTING} levels")
    match value:
        case str():
            if "\x00" in value:
                raise ClientException("the body has a NUL character, which no text may hold")
        case dict():
            for name, each in value.items():
                _check(name, levels)
                _check(each, levels - 1)
        case list():
            for each in value:
                _check(each, levels - 1)
        case float() if not math.isfinite(value):
            raise ClientException("the body has a number that is out of range")
        case _:
            pass


def _kinds(annotation: Any) -> set[Any]:
    """The plain types that a field's annotation allows."""
    if hasattr(annotation, "__metadata__"):
        return _kinds(annotation.__origin__)
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return set().union(*(_kinds(each) for each in get_args(annotation)))
    return {get_origin(annotation) or annotation}


def _number(value: Any, kinds: set[Any]) -> Any:
    """`""` is null for a nullable number and 0 for another; `"7"` is left to msgspec, which reads it."""
    if not isinstance(value, str) or str in kinds or not kinds & {int, float}:
        return value
    if value.strip() == "":
        return None if type(None) in kinds else 0
    if value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise ClientException("the body has a number that is out of range")
    return value.strip()

"""Request bodies: read strictly as JSON, leniently as numbers (they may come as strings)."""

import math
from datetime import date
from types import UnionType
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
    if not isinstance(value, dict) and any(_is_struct(each) for each in _options(into)):
        raise ClientException("the body must be a JSON object")
    return _read(value, into)


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


def _read(value: Any, annotation: Any) -> Any:
    """Reads the numbers in it: `""` is null for a nullable one and 0 for another; `"7"` is left to msgspec."""
    options = _options(annotation)
    kinds = {get_origin(each) or each for each in options}
    match value:
        case str() if str not in kinds and kinds & {int, float}:
            return _number(value.strip(), nullable=type(None) in kinds)
        case "" if date in kinds and type(None) in kinds:
            return None
        case dict():
            for each in options:
                if _is_struct(each):
                    types = {field.encode_name: field.type for field in msgspec.structs.fields(each)}
                    return {
                        name: _read(inner, types[name]) if name in types else inner for name, inner in value.items()
                    }
                if get_origin(each) is dict:
                    return {name: _read(inner, get_args(each)[1]) for name, inner in value.items()}
        case list():
            for each in options:
                if get_origin(each) is list:
                    return [_read(inner, get_args(each)[0]) for inner in value]
    return value


def _number(text: str, *, nullable: bool) -> Any:
    if text == "":
        return None if nullable else 0
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise ClientException("the body has a number that is out of range")
    return text


def _options(annotation: Any) -> tuple[Any, ...]:
    """The types that a field may have, without what is said of them."""
    if hasattr(annotation, "__metadata__"):
        return _options(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return tuple(option for each in get_args(annotation) for option in _options(each))
    return (annotation,)


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)

"""The types that fields share, and the small moves that every noun makes."""

from typing import Annotated, Any, TypeVar

from msgspec import UNSET, Meta, Struct

FieldsT = TypeVar("FieldsT", bound=Struct)

Id = Annotated[int, Meta(ge=1, le=2**53)]
"""Positive, unique within its kind, given in order from 1, never used twice."""
Int = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
Seconds = Annotated[float, Meta(ge=0, le=1e11)]
"""A UNIX timestamp in UTC."""
Scalar = str | Int | Number | bool | None
Duration = Annotated[float, Meta(ge=0, le=1e9)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Line = Annotated[str, Meta(max_length=500)]
"""What a control says in a word or a sentence."""
Text = Annotated[str, Meta(max_length=100_000)]


def narrow(kind: type[FieldsT], wider: Struct, **other: Any) -> FieldsT:
    """The fields of `kind`, out of a struct that has them and more. `other`: those that shall be different."""
    return kind(**{name: getattr(wider, name) for name in kind.__struct_fields__ if name not in other}, **other)


def set_fields(target: Struct, fields: Struct) -> None:
    """Copies the fields that are set; the others stay as they are."""
    for name in fields.__struct_fields__:
        value = getattr(fields, name)
        if value is not UNSET:
            setattr(target, name, value)


def edit(target: Any, fields: Struct) -> None:
    """What a person's edit does to an object: the fields, and one more revision."""
    set_fields(target, fields)
    target.revision += 1


def only_changes(fields: FieldsT, current: Struct) -> FieldsT | None:
    """The fields that say something new about `current`, or None if there is none. Edits carry only what changed."""
    changes: dict[str, Any] = {
        name: value
        for name in fields.__struct_fields__
        if (value := getattr(fields, name)) is not UNSET and value != getattr(current, name)
    }
    return type(fields)(**changes) if changes else None

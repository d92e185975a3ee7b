"""Files that people upload: how OpenAPI describes them, and where they are read."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
READER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upload")
"""One at a time: a large one takes seconds and some memory."""
ResultT = TypeVar("ResultT")


@dataclass
class FileUpload(Operation):
    """How OpenAPI describes an operation whose body is a file."""

    types: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        file = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(required=True, content=dict.fromkeys(self.types, file))


@dataclass
class XlsxUpload(FileUpload):
    types = (XLSX, "application/octet-stream")


@dataclass
class SheetUpload(FileUpload):
    types = ("text/csv", XLSX)


async def beside(read: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Reads a file in a thread of its own, so that others are answered meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(READER, read, *arguments)

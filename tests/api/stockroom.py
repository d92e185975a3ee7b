"""What tests of assemblies, images, inventory and tool alerts say over and over."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from PIL import Image

from api.client import Json, Server, get, make_key, make_user, refused, unique, written

READERS = ("admin", "plan", "shop", "audit")
WRITERS = {"admin", "plan"}
"""The levels that may write assemblies, tools and inventory."""


def made(answer: httpx.Response) -> Json:
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def done(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def gone(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (204, b""), answer.text


def make_assembly(api: httpx.Client, process: Json | None = None, **fields: Any) -> Json:
    body = {"name": unique("assembly"), "process_id": process["id"] if process else None}
    return made(api.put("/api/tools/assemblies/", json=body | fields))


def make_tool(api: httpx.Client, assembly: Json | None = None, item: Json | None = None, **fields: Any) -> Json:
    body = {"name": unique("tool")}
    body |= {"assembly_id": assembly["id"]} if assembly else {}
    body |= {"inventory_item_id": item["id"]} if item else {}
    return made(api.put("/api/tools/", json=body | fields))


def make_item(api: httpx.Client, **fields: Any) -> Json:
    return made(api.put("/api/inventory/items/", json={"name": unique("item")} | fields))


def make_point(api: httpx.Client, stock: list[tuple[Json, int]] | None = None) -> Json:
    """An inventory point with so many of these items."""
    point = made(api.put("/api/inventory/", json={"name": unique("point")}))
    items = {str(item["id"]): quantity for item, quantity in stock or []}
    return patched(api, point_path(point), items=items) if items else point


def item_path(item: Json) -> str:
    return f"/api/inventory/items/{item['id']}"


def point_path(point: Json) -> str:
    return f"/api/inventory/{point['id']}"


def assembly_path(assembly: Json) -> str:
    return f"/api/tools/assemblies/{assembly['id']}"


def tool_path(tool: Json) -> str:
    return f"/api/tools/{tool['id']}"


def assembly_of(api: httpx.Client, assembly: Json) -> Json:
    return get(api, assembly_path(assembly))


def tool_of(api: httpx.Client, tool: Json) -> Json:
    return get(api, tool_path(tool))


def tools_in(api: httpx.Client, assembly: Json) -> set[int]:
    """The IDs of the tools of an assembly."""
    return {tool["id"] for tool in get(api, "/api/tools/", assembly=assembly["id"]).values()}


def stock(api: httpx.Client, point: Json, item: Json) -> int:
    """How many of an item a point has. An item that it doesn't list is one that it hasn't."""
    quantity: int = get(api, point_path(point))["items"].get(str(item["id"]), 0)
    return quantity


def patched(api: httpx.Client, path: str, **fields: Any) -> Json:
    return done(api.patch(path, json=fields))


def replace(api: httpx.Client, tool: Json, point: Json | None = None, **fields: Any) -> httpx.Response:
    where = {"inv_pt": point["id"]} if point else {}
    return api.post(f"{tool_path(tool)}/replace", json={"reason": 1} | where | fields)


def replaced(api: httpx.Client, tool: Json, point: Json | None = None, **fields: Any) -> Json:
    """The replacement record of a tool that is replaced."""
    replacement: Json = done(replace(api, tool, point, **fields))["replacement"]
    return replacement


def ids(*objects: Json) -> set[int]:
    return {each["id"] for each in objects}


def keys(*objects: Json) -> set[str]:
    return {str(each["id"]) for each in objects}


def of(thing: Json, names: Any) -> Json:
    return {name: thing.get(name, "missing") for name in names}


@contextmanager
def person(api: httpx.Client, server: Server, level: str) -> Iterator[httpx.Client]:
    """Somebody of this level."""
    with server.client(make_key(api, make_user(api, level))["key"]) as client:
        yield client


@contextmanager
def nothing_written(api: httpx.Client) -> Iterator[None]:
    """What is done within adds no event."""
    before = len(written(api))
    yield
    assert written(api)[before:] == []


def forbidden(answer: httpx.Response, allowed: set[str] = WRITERS) -> None:
    """403, and `allowed` names those who may."""
    assert set(refused(answer, 403)["allowed"]) == allowed


def alerts_about(api: httpx.Client, tool: Json, at_least: int = 0) -> list[Json]:
    """The alerts of a tool, dismissed or not, as soon as there are so many of them. It waits up to 10 s."""
    deadline = time.monotonic() + 10
    while True:
        alerts = [alert for alert in get(api, "/api/alerts/").values() if alert["tool_id"] == tool["id"]]
        if len(alerts) >= at_least:
            return alerts
        assert time.monotonic() < deadline, f"{len(alerts)} of {at_least} alerts after 10 s: {alerts}"
        time.sleep(0.2)


def picture(kind: str = "png", colour: str = "red", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """An image file."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def upload(api: httpx.Client, path: str, image: bytes, mime: str = "image/png") -> httpx.Response:
    """Posts an image to the object that has this path."""
    return api.post(f"{path}/image", content=image, headers={"Content-Type": mime})

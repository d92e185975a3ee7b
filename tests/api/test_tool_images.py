"""Images of tools, assemblies and replacements: `api/tool.txt`, `api/tool-assembly.txt` and `domain.md`."""

import io
import json
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator
from secrets import token_bytes
from typing import Any

import httpx
import pytest
from PIL import Image

from api.client import UNKNOWN, Json, Server, get, make_machine, make_process, refused, unique, written
from api.stockroom import (
    READERS,
    WRITERS,
    assembly_path,
    done,
    forbidden,
    made,
    make_assembly,
    make_tool,
    nothing_written,
    patched,
    person,
    picture,
    replaced,
    tool_path,
    tools_in,
    upload,
)

MIB = 1_048_576
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
OWNERS = ("tool", "assembly", "replacement")
COLLECTIONS = {"tool": "/api/tools/", "assembly": "/api/tools/assemblies/", "replacement": "/api/tools/replacements/"}


def make_owner(api: httpx.Client, kind: str) -> str:
    """The path of a new object that may have an image."""
    if kind == "tool":
        return tool_path(make_tool(api))
    if kind == "assembly":
        return assembly_path(make_assembly(api))
    return f"/api/tools/replacements/{replaced(api, make_tool(api))['id']}"


@pytest.fixture(params=OWNERS)
def owner(api: httpx.Client, request: pytest.FixtureRequest) -> str:
    return make_owner(api, request.param)


def image_of(api: httpx.Client, path: str) -> bytes:
    answer = api.get(f"{path}/image")
    assert answer.status_code == 200, answer.text
    return answer.content


def noise(size: int) -> bytes:
    """A valid PNG of at least so many bytes."""
    side = int((size / 3) ** 0.5) + 1
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), token_bytes(side * side * 3)).save(file, "png", compress_level=0)
    return file.getvalue()


def bomb(side: int = 50_000) -> bytes:
    """A tiny PNG that declares to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(MIB), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# Upload and download


@pytest.mark.parametrize("kind", FORMATS)
def test_upload_answers_the_object_with_its_image_type(api: httpx.Client, owner: str, kind: str) -> None:
    """The request body should be an image file, and the Content-Type header should contain its MIME type."""
    before = get(api, owner)
    assert before["image_type"] is None
    changed = done(upload(api, owner, picture(kind), FORMATS[kind]))
    assert changed["image_type"] == FORMATS[kind]
    assert changed == before | {"image_type": FORMATS[kind]} == get(api, owner)


@pytest.mark.parametrize("kind", FORMATS)
def test_download_gives_exactly_the_file(api: httpx.Client, owner: str, kind: str) -> None:
    """Returns the image file, with the Content-Type header set to its MIME type."""
    image = picture(kind, "blue")
    done(upload(api, owner, image, FORMATS[kind]))
    answer = api.get(f"{owner}/image")
    assert (answer.status_code, answer.content) == (200, image)
    assert answer.headers["content-type"] == FORMATS[kind]
    assert answer.headers["content-length"] == str(len(image))


def test_with_and_without_a_slash_is_the_same(api: httpx.Client, owner: str) -> None:
    """With and without the trailing slash is the same resource."""
    image = picture()
    done(api.post(f"{owner}/image/", content=image, headers={"Content-Type": "image/png"}))
    assert api.get(f"{owner}/image/").content == image_of(api, owner) == image
    assert done(api.delete(f"{owner}/image/"))["image_type"] is None


def test_what_is_known_is_not_sent_again(api: httpx.Client, owner: str) -> None:
    """An ETag names the file: `If-None-Match` with it answers 304 and no body."""
    done(upload(api, owner, picture()))
    tag = api.get(f"{owner}/image").headers["etag"]
    again = api.get(f"{owner}/image", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    done(upload(api, owner, picture(colour="green")))
    other = api.get(f"{owner}/image", headers={"If-None-Match": tag})
    assert (other.status_code, other.content) == (200, picture(colour="green"))
    assert other.headers["etag"] != tag


def test_a_second_upload_replaces_the_first(api: httpx.Client, owner: str) -> None:
    """Upload a new image file."""
    done(upload(api, owner, picture()))
    changed = done(upload(api, owner, picture("jpeg", "green"), "image/jpeg"))
    assert changed["image_type"] == "image/jpeg"
    assert image_of(api, owner) == picture("jpeg", "green")
    assert api.get(f"{owner}/image").headers["content-type"] == "image/jpeg"


def test_without_an_image_it_is_404(api: httpx.Client, owner: str) -> None:
    """A missing object is 404."""
    refused(api.get(f"{owner}/image"), 404)


def test_delete_answers_the_object_without_an_image(api: httpx.Client, owner: str) -> None:
    """Deleting an image answers 200 with the object."""
    done(upload(api, owner, picture()))
    changed = done(api.delete(f"{owner}/image"))
    assert changed["image_type"] is None
    assert changed == get(api, owner)
    refused(api.get(f"{owner}/image"), 404)
    assert upload(api, owner, picture()).status_code == 200


def test_delete_without_an_image_writes_nothing(api: httpx.Client, owner: str) -> None:
    """Remove the image (of which there is none: the documents say neither 200 nor 404)."""
    with nothing_written(api):
        assert api.delete(f"{owner}/image").status_code in {200, 404}


@pytest.mark.parametrize("kind", OWNERS)
def test_an_unknown_owner_is_404(api: httpx.Client, kind: str) -> None:
    """A missing object is 404."""
    path = f"{COLLECTIONS[kind]}{UNKNOWN}"
    refused(api.get(f"{path}/image"), 404)
    refused(upload(api, path, picture()), 404)
    refused(api.delete(f"{path}/image"), 404)


def test_the_image_of_a_deleted_owner_is_gone(api: httpx.Client, owner: str) -> None:
    """A missing object is 404."""
    done(upload(api, owner, picture()))
    assert api.delete(owner).is_success
    refused(api.get(f"{owner}/image"), 404)


# What is refused


def jpeg_cut() -> bytes:
    image = picture("jpeg", size=(400, 300))
    return image[: len(image) // 2]


REFUSED: dict[str, tuple[bytes, str]] = {
    "text": (b"this is not an image", "image/png"),
    "noise": (bytes(range(256)) * 20, "image/jpeg"),
    "only the signature": (b"\x89PNG\r\n\x1a\n", "image/png"),
    "truncated png": (picture(size=(300, 300))[:-40], "image/png"),
    "truncated jpeg": (jpeg_cut(), "image/jpeg"),
    "truncated gif": (picture("gif", size=(300, 300))[:60], "image/gif"),
    "truncated webp": (picture("webp", size=(300, 300))[:40], "image/webp"),
    "png that says jpeg": (picture(), "image/jpeg"),
    "jpeg that says png": (picture("jpeg"), "image/png"),
    "gif that says webp": (picture("gif"), "image/webp"),
    "bmp that says png": (picture("bmp"), "image/png"),
    "bmp": (picture("bmp"), "image/bmp"),
    "tiff": (picture("tiff"), "image/tiff"),
    "image as text": (picture(), "text/plain"),
    "image as json": (picture(), "application/json"),
    "image as bytes": (picture(), "application/octet-stream"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "image/svg+xml"),
    "svg that says png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/png"),
    "html that says gif": (b"GIF89a<script>alert(1)</script>", "image/gif"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_such_image_is_415(api: httpx.Client, owner: str, what: str) -> None:
    """PNG, JPEG, WebP, GIF, checked by content, else 415."""
    done(upload(api, owner, picture("webp"), "image/webp"))
    with nothing_written(api):
        refused(upload(api, owner, *REFUSED[what]), 415)
    assert image_of(api, owner) == picture("webp")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": ""}])
def test_without_a_content_type_it_is_refused(api: httpx.Client, owner: str, headers: dict[str, str]) -> None:
    """The Content-Type header should contain its MIME type."""
    refused(api.post(f"{owner}/image", content=picture(), headers=headers), 400, 415)
    assert get(api, owner)["image_type"] is None


def test_an_empty_body_is_refused(api: httpx.Client, owner: str) -> None:
    """The request body should be an image file."""
    refused(upload(api, owner, b""), 400, 415)
    assert get(api, owner)["image_type"] is None


def test_more_than_10_mib_is_413(api: httpx.Client, owner: str) -> None:
    """Up to 10 MiB, else 413."""
    image = noise(11 * MIB)
    assert len(image) > 10 * MIB
    refused(upload(api, owner, image), 413)
    assert get(api, owner)["image_type"] is None


def test_more_than_10_mib_without_a_length_is_413(api: httpx.Client) -> None:
    """Up to 10 MiB, else 413 (411 is another honest answer to a body that doesn't say how long it is)."""
    image, path = noise(11 * MIB)[: 10 * MIB + 1], make_owner(api, "tool")  # more would be cut off while it is sent

    def pieces() -> Iterator[bytes]:
        yield from (image[start : start + 65_536] for start in range(0, len(image), 65_536))

    answer = api.post(f"{path}/image", content=pieces(), headers={"Content-Type": "image/png"})
    refused(answer, 411, 413)
    assert get(api, path)["image_type"] is None


def test_up_to_10_mib_is_taken(api: httpx.Client, owner: str) -> None:
    """Up to 10 MiB."""
    image = noise(9 * MIB)
    assert len(image) < 10 * MIB
    done(upload(api, owner, image))
    assert image_of(api, owner) == image


def test_a_decompression_bomb_is_refused(api: httpx.Client, owner: str, server: Server) -> None:
    """Checked by content, else 415 or 413."""
    assert len(bomb()) < 10_000
    with nothing_written(api):
        refused(upload(api, owner, bomb()), 413, 415)
    assert server.is_ready()
    assert get(api, owner)["image_type"] is None


# Levels


ALLOWED = {"tool": WRITERS, "assembly": WRITERS, "replacement": WRITERS | {"shop"}}


@pytest.mark.parametrize("kind", OWNERS)
@pytest.mark.parametrize("level", READERS)
def test_who_may_write_an_image(api: httpx.Client, server: Server, level: str, kind: str) -> None:
    """Changing a replacement's image: shop and up; tool and assembly images: plan and admin."""
    path = make_owner(api, kind)
    done(upload(api, path, picture()))
    with person(api, server, level) as client:
        if level in ALLOWED[kind]:
            assert done(upload(client, path, picture(colour="blue")))["image_type"] == "image/png"
            assert done(client.delete(f"{path}/image"))["image_type"] is None
        else:
            forbidden(upload(client, path, picture(colour="blue")), ALLOWED[kind])
            forbidden(client.delete(f"{path}/image"), ALLOWED[kind])
            assert image_of(api, path) == picture()


@pytest.mark.parametrize("level", READERS)
def test_everybody_sees_an_image(api: httpx.Client, server: Server, owner: str, level: str) -> None:
    """Read everything: all levels."""
    done(upload(api, owner, picture()))
    with person(api, server, level) as client:
        assert image_of(client, owner) == picture()


def test_an_image_needs_a_key(api: httpx.Client, anonymous: httpx.Client, owner: str) -> None:
    """401 on every `/api/` path."""
    done(upload(api, owner, picture()))
    refused(anonymous.get(f"{owner}/image"), 401)
    refused(upload(anonymous, owner, picture()), 401)


# What an image is in the rest of the API


def test_the_bytes_are_never_in_json(api: httpx.Client, owner: str) -> None:
    """`image` bytes are never in JSON: `image_type` is."""
    image = noise(50_000)
    changed = done(upload(api, owner, image))
    assert "image" not in changed
    assert "image" not in get(api, owner)
    assert b64encode(image[3_000:6_000]).decode() not in json.dumps(written(api))


@pytest.mark.parametrize("kind", ["tool", "assembly"])
def test_lists_say_the_image_type(api: httpx.Client, kind: str) -> None:
    """`image_type` is (null when there is no image)."""
    path = make_owner(api, kind)
    done(upload(api, path, picture()))
    shown = get(api, COLLECTIONS[kind])[path.rsplit("/", 1)[1]]
    assert shown["image_type"] == "image/png"
    assert "image" not in shown


@pytest.mark.parametrize("ignored", [{"image_type": "image/gif"}, {"image_type": None}, {"image": "R0lGODdh"}])
def test_patch_changes_no_image(api: httpx.Client, owner: str, ignored: Json) -> None:
    """Fields that are read-only are ignored silently: the bytes are at `…/image`."""
    done(upload(api, owner, picture()))
    changed = patched(api, owner, notes="changed", **ignored)
    assert (changed["notes"], changed["image_type"]) == ("changed", "image/png")
    assert image_of(api, owner) == picture()


def test_two_objects_may_have_the_same_image(api: httpx.Client) -> None:
    """Images are shared by content, not copied: one is removed, the others stay."""
    image = picture(colour="purple")
    paths = [make_owner(api, kind) for kind in ("tool", "tool", "assembly", "replacement")]
    for path in paths:
        done(upload(api, path, image))
    done(api.delete(f"{paths[0]}/image"))
    done(upload(api, paths[2], picture()))
    assert api.delete(paths[3]).is_success
    refused(api.get(f"{paths[0]}/image"), 404)
    assert image_of(api, paths[1]) == image
    assert get(api, paths[1])["image_type"] == "image/png"


def illustrated(api: httpx.Client, **fields: Any) -> tuple[Json, Json]:
    """An assembly with a picture, and a tool in it with another."""
    assembly = make_assembly(api, **fields)
    tool = make_tool(api, assembly)
    done(upload(api, assembly_path(assembly), picture("gif", "orange"), "image/gif"))
    done(upload(api, tool_path(tool), picture("webp", "orange"), "image/webp"))
    return assembly, tool


def test_a_duplicate_of_a_process_has_the_images(api: httpx.Client) -> None:
    """Copies assemblies, their tools and the requirements; images are shared by content, not copied."""
    machine = make_machine(api)
    process = make_process(api, machine)
    _, tool = illustrated(api, process_id=process["id"])
    body = {"machine_id": machine["id"], "name": unique("process")}
    copy = made(api.post(f"/api/processes/{process['id']}/duplicate", json=body))
    (assembly,) = get(api, "/api/tools/assemblies/", process=copy["id"]).values()
    (twin,) = get(api, "/api/tools/", assembly=assembly["id"]).values()
    assert (assembly["image_type"], twin["image_type"]) == ("image/gif", "image/webp")
    assert image_of(api, assembly_path(assembly)) == picture("gif", "orange")
    done(api.delete(f"{tool_path(tool)}/image"))
    assert image_of(api, tool_path(twin)) == picture("webp", "orange")


def test_a_copy_in_a_duplicate_of_an_assembly_has_the_image(api: httpx.Client) -> None:
    """It will contain duplicates of tools: with their images."""
    original, tool = illustrated(api)
    body = {"assembly": {"name": unique("copy")}, "duplicate": {str(tool["id"]): "copy"}}
    assembly = made(api.post(f"{assembly_path(original)}/duplicate", json=body))
    (twin,) = tools_in(api, assembly)
    assert get(api, f"/api/tools/{twin}")["image_type"] == "image/webp"
    done(api.delete(f"/api/tools/{twin}/image"))
    assert image_of(api, tool_path(tool)) == picture("webp", "orange")


def test_images_outlive_a_restart(fresh: Server) -> None:
    """What was answered with 200 is there after a restart."""
    with fresh.client(fresh.admin_key) as api:
        paths = [make_owner(api, kind) for kind in OWNERS]
        for path in paths:
            done(upload(api, path, picture()))
    fresh.restart()
    with fresh.client(fresh.admin_key) as api:
        assert [image_of(api, path) for path in paths] == [picture()] * 3
        assert [get(api, path)["image_type"] for path in paths] == ["image/png"] * 3

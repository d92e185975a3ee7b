"""Uploaded pictures: those that are what they claim to be, and all others."""

import re
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from PIL import Image

from taktledger.api import pictures
from taktledger.api.bodies import UnsupportedMediaType
from taktledger.api.pictures import PICTURE_BYTES, TYPES, check_picture

REPEATABLE = settings(deadline=None, derandomize=True, database=None)


def picture(format: str, width: int = 60, height: int = 40, mode: str = "RGB", **options: Any) -> bytes:
    """With some noise, so that it isn't over after a few bytes."""
    file = BytesIO()
    Image.effect_noise((width, height), 80).convert(mode).save(file, format, **options)
    return file.getvalue()


PICTURES = {mime: picture(format) for format, mime in TYPES.items()}
EACH = pytest.mark.parametrize("mime", PICTURES)


def refused(body: bytes, content_type: str = "image/png") -> str:
    with pytest.raises(UnsupportedMediaType) as caught:
        check_picture(body, content_type)
    assert caught.value.status_code == 415
    return caught.value.detail


def too_large(body: bytes, content_type: str = "image/png") -> str:
    with pytest.raises(RequestEntityTooLarge) as caught:
        check_picture(body, content_type)
    assert caught.value.status_code == 413
    return caught.value.detail


def png_of_size(width: int, height: int) -> bytes:
    """Small, whatever it says."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):
        body += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return body


def gif_of_size(width: int, height: int) -> bytes:
    whole = PICTURES["image/gif"]
    return whole[:6] + struct.pack("<HH", width, height) + whole[10:]


def webp_of_size(width: int, height: int) -> bytes:
    """A moving one: its pictures may be smaller than what they are painted on."""
    whole = picture("WEBP", save_all=True, append_images=[Image.effect_noise((60, 40), 80)])
    return whole[:24] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + whole[30:]


@EACH
def test_pictures(mime: str) -> None:
    assert check_picture(PICTURES[mime], mime) == mime
    assert check_picture(PICTURES[mime], f" {mime.upper()} ; charset=binary") == mime


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {"mode": "1"}),
        ("PNG", {"mode": "P"}),
        ("PNG", {"mode": "RGBA"}),
        ("PNG", {"mode": "I;16"}),
        ("JPEG", {"mode": "L"}),
        ("JPEG", {"mode": "CMYK"}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"mode": "RGBA"}),
        ("GIF", {"mode": "L"}),
    ],
)
def test_pictures_of_every_kind(format: str, options: dict[str, Any]) -> None:
    assert check_picture(picture(format, **options), TYPES[format]) == TYPES[format]


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_moving_pictures(format: str) -> None:
    more = [Image.effect_noise((60, 40), 80) for _ in range(3)]
    assert check_picture(picture(format, save_all=True, append_images=more), TYPES[format]) == TYPES[format]


def test_a_jpeg_of_a_telephone() -> None:
    """Two pictures in one file, which pillow takes for a format of its own."""
    body = picture("MPO", save_all=True, append_images=[Image.effect_noise((60, 40), 80)])
    with Image.open(BytesIO(body)) as opened:
        assert opened.format == "MPO"
    assert check_picture(body, "image/jpeg") == "image/jpeg"


@EACH
def test_a_type_that_lies(mime: str) -> None:
    for other in PICTURES.keys() - {mime}:
        assert refused(PICTURES[mime], other) == f"the picture is {mime}, but was sent as {other}"


@pytest.mark.parametrize(
    "declared", ["", ";", "image", "image/*", "image/svg+xml", "image/bmp", "text/html", "image/pngx"]
)
def test_types_that_are_none_of_the_four(declared: str) -> None:
    assert refused(PICTURES["image/png"], declared).startswith("a picture must be one of image/png, image/jpeg, ")


@EACH
def test_bodies_that_are_no_picture(mime: str) -> None:
    for body in (b"", b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", picture("BMP"), picture("TIFF")):
        assert refused(body, mime) == "the body is no picture of these types, or a damaged one"


@EACH
def test_pictures_cut_off(mime: str) -> None:
    body = PICTURES[mime]
    for length in (*range(0, len(body) - 3, 97), len(body) // 2, len(body) - 40):
        refused(body[:length], mime)


def test_too_many_bytes() -> None:
    padding = bytes(PICTURE_BYTES - len(PICTURES["image/png"]))
    assert check_picture(PICTURES["image/png"] + padding, "image/png") == "image/png"
    assert too_large(PICTURES["image/png"] + padding + b"x") == "a picture has at most 10 MB"


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (9900, 9900), (16000, 16000)])
@pytest.mark.parametrize(
    ("mime", "of_size"), [("image/png", png_of_size), ("image/gif", gif_of_size), ("image/webp", webp_of_size)]
)
def test_too_many_pixels(mime: str, of_size: Callable[[int, int], bytes], width: int, height: int) -> None:
    """Above the limit, above pillow's own where it warns, and above that where it raises."""
    assert too_large(of_size(width, height), mime) == "a picture has at most 64 million pixels"


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_where_warnings_are_no_errors() -> None:
    with pytest.warns(Image.DecompressionBombWarning):
        too_large(png_of_size(9900, 9900))


def test_pixels_are_counted_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Image.Image) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(pictures, "PIXELS", 60 * 40 - 1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    too_large(PICTURES["image/png"])


def test_a_jpeg_of_many_scans() -> None:
    """A few bytes each, but milliseconds to decode."""
    body = picture("JPEG", progressive=True)
    start, end = [found.start() for found in re.finditer(b"\xff\xda", body)][1:3]
    end = body.find(b"\xff\xc4", start, end)
    assert check_picture(body[:start] + body[start:end] * 500 + body[end:], "image/jpeg") == "image/jpeg"
    refused(body[:start] + body[start:end] * 1000 + body[end:], "image/jpeg")


def test_pillow_is_left_as_it_was() -> None:
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3
    assert pictures.PIXELS < Image.MAX_IMAGE_PIXELS


def test_many_at_a_time() -> None:
    with ThreadPoolExecutor(8) as pool:
        mimes = list(PICTURES) * 25
        assert list(pool.map(lambda mime: check_picture(PICTURES[mime], mime), mimes)) == mimes


def harmless(body: bytes) -> None:
    """Accepted or refused, but nothing else."""
    for mime in PICTURES:
        with suppress(UnsupportedMediaType, RequestEntityTooLarge):
            assert check_picture(body, mime) == mime


beginnings = st.sampled_from([b"", *(body[:length] for body in PICTURES.values() for length in (12, 30))])


@settings(REPEATABLE, max_examples=150)
@given(beginnings, st.binary(max_size=200))
def test_random_bytes(start: bytes, rest: bytes) -> None:
    harmless(start + rest)


@settings(REPEATABLE, max_examples=300)
@given(st.sampled_from(list(PICTURES.values())), st.integers(0, 10_000), st.binary(max_size=4))
def test_damaged_pictures(body: bytes, where: int, instead: bytes) -> None:
    where %= min(len(body), 700)  # at the start, where it hurts
    harmless(body[:where] + instead + body[where + len(instead) :])

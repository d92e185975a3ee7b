"""Pictures that people upload: they must be what they claim to be, whole, and of a size that can be shown."""

from io import BytesIO

from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from PIL import (
    Image,
    WebPImagePlugin,  # noqa: F401 - registers WebP; else pillow would load each and every format to find it
)

from taktledger.api.bodies import UnsupportedMediaType

PICTURE_BYTES = 10 * 1024 * 1024
PIXELS = 64_000_000
"""More than telephones take as a rule. Decoded, it is 256 MB. Below pillow's own limit, which only warns."""
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
SCANS = 1_000
"""Of a JPEG. A dozen is usual, and some may seem to be in what cameras add to it. A hundred thousand would fit into the
bytes, and each of them goes through all pixels."""
MPO = "MPO"
"""What pillow calls a JPEG with more pictures behind the first one, as many telephones make them."""


def check_picture(body: bytes, content_type: str) -> str:
    """The type that the picture really has. Raises a 413 or a 415."""
    declared = content_type.partition(";")[0].strip().lower()
    if declared not in TYPES.values():
        raise UnsupportedMediaType(f"a picture must be one of {', '.join(TYPES.values())}")
    if len(body) > PICTURE_BYTES:
        raise RequestEntityTooLarge(f"a picture has at most {PICTURE_BYTES // 1024 // 1024} MB")
    try:
        found = _decode(body)
    except RequestEntityTooLarge:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except Exception as error:  # pillow lets out whatever a damaged file brings about
        raise UnsupportedMediaType("the body is no picture of these types, or a damaged one") from error
    if found != declared:
        raise UnsupportedMediaType(f"the picture is {found}, but was sent as {declared}")
    return found


def _decode(body: bytes) -> str:
    with Image.open(BytesIO(body), formats=list(TYPES)) as picture:
        if picture.width * picture.height > PIXELS:
            raise _too_many_pixels()
        if picture.format in ("JPEG", MPO) and body.count(b"\xff\xda") > SCANS:
            raise ValueError("too many scans")
        picture.verify()  # after which it can't be used any more
    with Image.open(BytesIO(body), formats=list(TYPES)) as picture:
        picture.load()  # finds what is cut off
        return TYPES["JPEG" if picture.format == MPO else str(picture.format)]


def _too_many_pixels() -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"a picture has at most {PIXELS // 1_000_000} million pixels")

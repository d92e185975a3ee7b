"""Small pictures of inserts, drawn with a few lines."""

import hashlib
from io import BytesIO

from PIL import Image as Drawing
from PIL import ImageDraw, PngImagePlugin

from taktledger.domain.shop import Image

SIZE = 96
SHAPES: dict[str, tuple[tuple[int, int], ...]] = {
    "square": ((16, 16), (80, 16), (80, 80), (16, 80)),
    "rhombic": ((8, 72), (32, 16), (88, 24), (64, 80)),
    "octagon": ((34, 12), (62, 12), (84, 34), (84, 62), (62, 84), (34, 84), (12, 62), (12, 34)),
}
"""Corners of an insert as it lies on the table, in pixels."""
PAPER, CARBIDE, EDGE, HOLE = (255, 255, 255), (196, 164, 72), (92, 76, 32), (48, 48, 48)


def draw(shape: str) -> tuple[Image, bytes]:
    """An insert of this shape, with the hole for its screw: a PNG of some hundred bytes."""
    drawing = Drawing.new("RGB", (SIZE, SIZE), PAPER)
    pencil = ImageDraw.Draw(drawing)
    pencil.polygon(SHAPES[shape], fill=CARBIDE, outline=EDGE, width=3)
    middle = SIZE // 2
    pencil.ellipse((middle - 11, middle - 11, middle + 11, middle + 11), fill=HOLE, outline=EDGE, width=2)
    written = BytesIO()
    drawing.quantize(8).save(written, PngImagePlugin.PngImageFile.format, optimize=True)
    png = written.getvalue()
    return Image(sha256=hashlib.sha256(png).hexdigest(), type="image/png"), png

"""Which item a row of an imported list means, and what happens when an import is sent twice or too late."""

import sqlite3
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.client import UNKNOWN, Json, Server, get, ledger, refused, unique
from api.stockroom import make_item, make_point, nothing_written, patched, point_path, stock

Cells = tuple[object, ...]


def send(api: httpx.Client, point: Json, *rows: Cells, headers: dict[str, str] | None = None) -> httpx.Response:
    body = "".join(",".join(map(str, row)) + "\r\n" for row in rows).encode()
    return api.post(f"{point_path(point)}/import", content=body, headers={"Content-Type": "text/csv"} | (headers or {}))


def imported(api: httpx.Client, point: Json, *rows: Cells) -> Json:
    answer = send(api, point, *rows)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    assert found["point"] == get(api, point_path(point))
    return found


def an_item(api: httpx.Client, **fields: Any) -> Json:
    return make_item(api, **{"part_number": unique("PN")} | fields)


@pytest.mark.parametrize("column", ["name", "part number"])
def test_capitals_and_small_letters_are_the_same(api: httpx.Client, column: str) -> None:
    item = an_item(api, name=unique("Größe"))
    called = item["name" if column == "name" else "part_number"]
    point = make_point(api, [(item, 2)])
    answer = imported(api, point, (column, "Notes", "qty"), (called.swapcase(), "x", 7))
    assert answer == {"point": point | {"items": {str(item["id"]): 7}}, "not_matched": []}


def test_what_is_not_listed_stays(api: httpx.Client) -> None:
    one, other = make_item(api), make_item(api)
    point = make_point(api, [(one, 2), (other, 3)])
    answer = imported(api, point, ("name", "qty"), (other["name"], 9))
    assert answer["point"]["items"] == {str(one["id"]): 2, str(other["id"]): 9}
    last = ledger(api, stream=f"inventory-point-{point['id']}")[-1]
    assert (last["type"], last["data"]["changes"], last["data"]["why"]) == (
        "StockMoved",
        {str(other["id"]): 6},
        "import",
    )


def test_the_part_number_goes_before_the_name(api: httpx.Client) -> None:
    """A row that has one is matched by it alone; a row without one by its name."""
    one, other, point = an_item(api), make_item(api), make_point(api)
    head = ("name", "part number", "qty")
    answer = imported(api, point, head, (other["name"], one["part_number"], 1), (other["name"], "", 2))
    assert answer["point"]["items"] == {str(one["id"]): 1, str(other["id"]): 2}
    answer = imported(api, point, head, (other["name"], "no such", 3))
    assert answer["not_matched"] == [{"row": 2, "name": other["name"], "part_number": "no such", "quantity": 3}]


def test_what_is_not_matched_has_the_row_of_the_sheet(api: httpx.Client) -> None:
    item, point, nobody = make_item(api), make_point(api), unique("nobody")
    answer = imported(api, point, ("name", "qty"), (nobody, 4), ("", ""), (item["name"], 5), (nobody, 6))
    assert answer["point"]["items"] == {str(item["id"]): 5}
    assert answer["not_matched"] == [
        {"row": row, "name": nobody, "part_number": "", "quantity": quantity} for row, quantity in ((2, 4), (5, 6))
    ]


def test_a_list_that_matches_nothing_is_no_event(api: httpx.Client) -> None:
    point = make_point(api)
    with nothing_written(api):
        answer = imported(api, point, ("name", "qty"), (unique("nobody"), 4))
    assert (answer["point"], len(answer["not_matched"])) == (point, 1)


def test_a_name_of_two_items_is_not_clear(api: httpx.Client) -> None:
    """400, by row and column."""
    item, point = make_item(api), make_point(api)
    make_item(api, name=item["name"].upper())
    with nothing_written(api):
        problem = refused(send(api, point, ("item", "qty"), (item["name"], 7)), 400, field="item")
    assert "row 2, column A (item)" in problem["error"]


def test_a_part_number_of_two_items_is_not_clear(api: httpx.Client) -> None:
    item, point = an_item(api), make_point(api)
    make_item(api, part_number=item["part_number"])
    answer = send(api, point, ("item", "qty", "barcode"), (item["name"], 7, item["part_number"]))
    assert "row 2, column C (barcode)" in refused(answer, 400, field="barcode")["error"]


def test_two_rows_of_one_item(api: httpx.Client) -> None:
    """400: they don't add up. The second is named, also if it calls the item by its other name."""
    item, point = an_item(api), make_point(api)
    rows = (item["name"], "", 1), ("", item["part_number"], 1)
    with nothing_written(api):
        problem = refused(send(api, point, ("name", "part number", "qty"), *rows), 400, field="part number")
    assert "row 3, column B" in problem["error"]
    assert "row 2" in problem["error"]


@pytest.mark.parametrize(("row", "field"), [(("", 7), "name"), (("x", ""), "qty"), (("x", 1_000_000_001), "qty")])
def test_a_row_needs_a_name_and_a_quantity(api: httpx.Client, row: Cells, field: str) -> None:
    """400, also if no item is called so."""
    assert "row 2" in refused(send(api, make_point(api), ("name", "qty"), row), 400, field=field)["error"]


def test_an_unknown_point_is_told_before_the_file_is_looked_at(api: httpx.Client) -> None:
    refused(send(api, {"id": UNKNOWN}, ("no", "list")), 404)


def test_a_file_that_is_too_large(api: httpx.Client) -> None:
    refused(send(api, make_point(api), ("name", "qty"), ("x" * 11_000_000, 1)), 413)


def test_who_counted_before_somebody_else_did_is_told(api: httpx.Client) -> None:
    """`If-Match`."""
    item, point = make_item(api), make_point(api)
    rows = ("name", "qty"), (item["name"], 7)
    tag = api.get(point_path(point)).headers["etag"]
    first = send(api, point, *rows, headers={"If-Match": tag})
    assert first.status_code == 200
    refused(send(api, point, *rows, headers={"If-Match": tag}), 412)
    assert send(api, point, *rows, headers={"If-Match": first.headers["etag"]}).status_code == 200


def test_an_import_that_is_repeated_happens_once(api: httpx.Client) -> None:
    item, point, key = make_item(api), make_point(api), {"Idempotency-Key": uuid4().hex}
    rows = ("name", "qty"), (item["name"], 7), ("nobody", 1)
    first = send(api, point, *rows, headers=key)
    patched(api, point_path(point), items={item["id"]: 2})
    again = send(api, point, *rows, headers=key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.json()["not_matched"] == first.json()["not_matched"]
    assert stock(api, point, item) == 2
    refused(send(api, point, *rows, ("nobody", 2), headers=key), 422)


def test_every_change_is_a_row_for_whoever_asks_the_tables(server: Server, api: httpx.Client) -> None:
    one, other = make_item(api), make_item(api)
    point = make_point(api, [(one, 2)])
    imported(api, point, ("name", "qty"), (one["name"], 0), (other["name"], 9))
    api.delete(f"/api/inventory/items/{one['id']}")
    with closing(sqlite3.connect(f"file:{server.data}/readmodel.db?mode=ro", uri=True)) as db:
        found = db.execute(
            "SELECT item_id, change, why, replacement_id, actor FROM stock_movements WHERE point_id = ? "
            "ORDER BY position, item_id",
            (point["id"],),
        ).fetchall()
    assert found == [
        (one["id"], 2, "count", None, "user-1"),
        (one["id"], -2, "import", None, "user-1"),
        (other["id"], 9, "import", None, "user-1"),
    ]

"""Options: `timezone` and `part_report_limit`, set as a whole or not at all."""

import httpx
import pytest

from api.client import get, refused


@pytest.mark.parametrize("slash", ["", "/"])
def test_patch_answers_200_with_all_options(options: httpx.Client, slash: str) -> None:
    before = get(options, f"/api/options{slash}")
    answer = options.patch(f"/api/options{slash}", json={"part_report_limit": 50})
    assert answer.status_code == 200, answer.text
    assert answer.json() == before | {"part_report_limit": 50}
    assert get(options, "/api/options/") == answer.json()


def test_both_at_once(options: httpx.Client) -> None:
    both = {"timezone": "Europe/Berlin", "part_report_limit": 7}
    assert options.patch("/api/options/", json=both).status_code == 200
    assert get(options, "/api/options/").items() >= both.items()


def test_a_number_may_come_as_a_string(options: httpx.Client) -> None:
    assert options.patch("/api/options/", json={"part_report_limit": "250"}).json()["part_report_limit"] == 250


def test_an_unknown_key_is_400(options: httpx.Client) -> None:
    before = get(options, "/api/options/")
    refused(options.patch("/api/options/", json={"colour": "red", "part_report_limit": 7}), 400, field="colour")
    assert get(options, "/api/options/") == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("timezone", None),
        ("timezone", 5),
        ("timezone", "../../etc/passwd"),
        ("timezone", "/etc/localtime"),
        ("timezone", "Europe"),
        ("timezone", "a" * 5_000),
        ("part_report_limit", "many"),
        ("part_report_limit", 1.5),
        ("part_report_limit", "1.5"),
        ("part_report_limit", -1),
        ("part_report_limit", None),
        ("part_report_limit", []),
        ("part_report_limit", 10**26),
    ],
)
def test_one_invalid_value_rejects_the_whole_patch(options: httpx.Client, name: str, value: object) -> None:
    before = get(options, "/api/options/")
    body = {"timezone": "Asia/Tokyo", "part_report_limit": 7} | {name: value}
    refused(options.patch("/api/options/", json=body), 400, field=name)
    assert get(options, "/api/options/") == before

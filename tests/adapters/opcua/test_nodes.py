"""NodeIds and browse paths, as they stand in the settings."""

import pytest

from takt_adapters.opcua.nodes import BrowseName, NodeName, parse_node, parse_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i=2258", NodeName(0, "i=2258")),
        ("ns=2;s=Counter", NodeName(2, "s=Counter")),
        ("ns=3;s=a;b=c/d", NodeName(3, "s=a;b=c/d")),
        ('ns=3;s="DB".n[0]', NodeName(3, 's="DB".n[0]')),
        ("nsu=http://example.com/mill;i=7", NodeName("http://example.com/mill", "i=7")),
        ("ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a", NodeName(1, "g=09087e75-8e5e-499b-954f-f2a9603db28a")),
        ("ns=1;b=M/RbKBsRVkePCePcx24oRA==", NodeName(1, "b=M/RbKBsRVkePCePcx24oRA==")),
    ],
)
def test_a_node(text: str, expected: NodeName) -> None:
    assert parse_node(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Counter", "s=", "ns=x;i=1", "i=-1", "i=1.5", "g=1", "b=!", "ns=2;", "ns=1;ns=2;i=1"]
)
def test_no_node(text: str) -> None:
    with pytest.raises(ValueError, match="node: expected a NodeId"):
        parse_node(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Objects", [BrowseName(0, "Objects")]),
        ("0:Objects/2:Axis.X", [BrowseName(0, "Objects"), BrowseName(2, "Axis.X")]),
        ("2:a&/b/3:c&&d", [BrowseName(2, "a/b"), BrowseName(3, "c&d")]),
        (
            "nsu=http://example.com/a/b;Machine/1:c",
            [BrowseName("http://example.com/a/b", "Machine"), BrowseName(1, "c")],
        ),
        ("2:a:b", [BrowseName(2, "a:b")]),
    ],
)
def test_a_path(text: str, expected: list[BrowseName]) -> None:
    assert list(parse_path(text)) == expected


@pytest.mark.parametrize("text", ["", "/", "a/", "/a", "a//b", "a&"])
def test_no_path(text: str) -> None:
    with pytest.raises(ValueError, match="path: expected a browse path"):
        parse_path(text)

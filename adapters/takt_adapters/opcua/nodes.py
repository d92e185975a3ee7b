"""How a node is named in the settings: by its NodeId, or by a browse path from the root. Pure functions."""

import re
from typing import NamedTuple

IDENTIFIERS = {
    "i": re.compile(r"\d{1,10}"),
    "s": re.compile(r".+", re.DOTALL),
    "g": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "b": re.compile(r"[A-Za-z0-9+/]+={0,2}"),
}
NODE = re.compile(r"(?:ns=(?P<index>\d{1,5});|nsu=(?P<uri>[^;]+);)?(?P<kind>[isgb])=(?P<value>.+)", re.DOTALL)
ELEMENT = re.compile(r"(?:(?P<index>\d{1,5}):|nsu=(?P<uri>[^;]+);)?(?P<name>(?:[^/&]|&.)+)(?P<end>/|$)")
Namespace = int | str
"""Its index, or its URI: a server may give another index to it when it is started again."""


class NodeName(NamedTuple):
    namespace: Namespace
    identifier: str
    """Kind and value: `i=2258`, `s=Counter`."""


class BrowseName(NamedTuple):
    namespace: Namespace
    name: str


def parse_node(text: str) -> NodeName:
    """Of `ns=2;s=Counter` or `nsu=http://example.com/mill;s=Counter`. Raises ValueError."""
    found = NODE.fullmatch(text)
    if found is None or not IDENTIFIERS[found["kind"]].fullmatch(found["value"]):
        raise ValueError(f'node: expected a NodeId like "ns=2;s=Counter", got "{text}"')
    return NodeName(_namespace(found), f"{found['kind']}={found['value']}")


def parse_path(text: str) -> tuple[BrowseName, ...]:
    """Of `0:Objects/2:Machine/2:State`; `&` before a character takes it as it is. Raises ValueError."""
    names, position = [], 0
    while found := ELEMENT.match(text, position):
        names.append(BrowseName(_namespace(found), re.sub(r"&(.)", r"\1", found["name"])))
        position = found.end()
        if not found["end"]:
            return tuple(names)
    raise ValueError(f'path: expected a browse path like "0:Objects/2:Machine/2:State", got "{text}"')


def _namespace(found: re.Match[str]) -> Namespace:
    return found["uri"] or int(found["index"] or 0)

"""The tools of the demo shop after a month: of all ages, with a past, and with something in stock."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
from msgspec import UNSET

from taktledger.api.backend import Backend
from taktledger.api.pictures import check_picture
from taktledger.demo.items import ITEMS
from taktledger.demo.keeper import Keeper
from taktledger.demo.machines import MACHINES
from taktledger.demo.people import PEOPLE, SHIFT_CHANGES
from taktledger.demo.run import write_history
from taktledger.domain.event import Event
from taktledger.domain.inventory.stock import StockMoved, stock_of
from taktledger.domain.shop import Tool
from taktledger.domain.tools.life import ToolLifeChanged, is_past_warning, life_in_force, usage
from taktledger.domain.tools.notices import ToolStockPassedReorderPoint
from taktledger.domain.tools.replacement import ToolReplaced, ToolReplacementUndone
from taktledger.main import close_backend, open_backend

NOW = 1_795_184_220.0
"""A Friday afternoon, at seventeen past two."""


class Floor:
    def __init__(self, backend: Backend) -> None:
        self.backend, self.shop = backend, backend.writer.shop
        self.events: list[Event] = [event for _, events in backend.ledger.scan() for event in events]
        undone = {event.replacement_id for event in self.events if isinstance(event, ToolReplacementUndone)}
        replaced = [event for event in self.events if isinstance(event, ToolReplaced)]
        self.mistaken = [each for each in replaced if each.replacement_id in undone]
        self.replaced = [each for each in replaced if each.replacement_id not in undone]

    def named(self, name: str) -> Tool:
        return next(tool for tool in self.shop.tools.values() if tool.name == name)

    def stages(self) -> Counter[str]:
        uses = self.backend.history.uses(self.shop, list(self.shop.tools), NOW)
        found: Counter[str] = Counter()
        for tool in self.shop.tools.values():
            process_id, life = life_in_force(self.shop, tool)
            use = uses[tool.id].get(process_id)
            share = usage(tool.usage_mode, life, use) if use else None
            if share is not None and use is not None:
                warned = is_past_warning(tool.usage_mode, life, use)
                found["past" if share > 1 else "warned" if warned else "fresh" if share < 0.25 else "middle"] += 1
        return found


pytestmark = pytest.mark.long  # the month that they look at takes many seconds to write


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    backend = open_backend(tmp_path_factory.mktemp("month"), clock=lambda: NOW)
    assert asyncio.run(write_history(backend, asyncio.Event()))
    yield Floor(backend)
    close_backend(backend)


def test_names_and_items_are_as_the_tables_need_them() -> None:
    """Tools are found by their names, and items too."""
    used = set()
    for machine in MACHINES:
        names = [tool.name for _, assembly in machine.assemblies for tool in assembly.tools]
        assert len(names) == len(set(names))
        used |= {each.holder for _, each in machine.assemblies}
        used |= {tool.item for _, assembly in machine.assemblies for tool in assembly.tools}
        for process in machine.processes:
            pots = [each.location for each in (*machine.shared, *process.assemblies) if each.location is not None]
            assert len(pots) == len(set(pots))
            needed = {pot for program in process.all_programs for pot in program.tools}
            assert needed - set(pots) == ({6} if process.name == "Bracket" else set())
            assert {each.location for each in process.assemblies if each.name != process.outgrown} <= needed
    assert used - {None} == set(ITEMS)


def test_every_machine_has_twelve_to_twenty_pots(floor: Floor) -> None:
    shop = floor.shop
    for machine in MACHINES:
        processes = shop.machines[shop.machine_ids[machine.source_name]].process_ids
        assemblies = [each for each in shop.assemblies.values() if each.process_id in processes]
        assert 12 <= len({each.location for each in assemblies} - {None}) <= 20
        assert all(1 <= len(each.tool_ids) <= 3 for each in assemblies)
        requirements = [each for each in shop.tool_requirements.values() if each.process_id in processes]
        assert sum(each.inventory_item_id is not None for each in requirements) > 0.9 * len(requirements)


def test_tools_say_what_a_machinist_wants_to_know(floor: Floor) -> None:
    tools = list(floor.shop.tools.values())
    assert {tool.usage_mode for tool in tools} == {0, 1, 2}
    assert {tool.slots for tool in tools} >= {1, 2, 3, 4, 5, 6}
    for said in ("offset_number", "stick_out", "torque_spec", "replaced_checklist", "calibration_interval", "image"):
        assert sum(getattr(tool, said) is not None for tool in tools) >= 3, said
    assert 3 <= sum(tool.is_critical for tool in tools) <= 10
    assert all(tool.tags for tool in tools if tool.inventory_item_id)
    assert {item.corners for item in floor.shop.inventory_items.values()} >= {1, 2, 3, 4, 8}


def test_pictures_are_small_and_whole(floor: Floor) -> None:
    shown = {tool.image.sha256 for tool in floor.shop.tools.values() if tool.image}
    assert len(shown) == 3
    for sha256 in shown:
        picture = floor.backend.ledger.image(sha256)
        assert picture is not None
        assert len(picture) < 1000
        assert check_picture(picture, "image/png") == "image/png"


def test_tools_are_at_every_stage_of_life(floor: Floor) -> None:
    stages = floor.stages()
    assert stages["fresh"] >= 8
    assert stages["middle"] >= 20
    assert stages["warned"] >= 2
    assert 1 <= stages["past"] <= 10
    kinds = Counter(alert.kind for alert in floor.shop.open_alerts.values())
    assert kinds["tool_life"] >= stages["past"]
    assert kinds["tool_warning"] >= stages["warned"]
    assert kinds["calibration"] == 2


def test_replacements_say_who_did_them_when_and_why(floor: Floor) -> None:
    users = {user.id: user.username for user in floor.shop.users.values()}
    assert 200 < len(floor.replaced) < 900
    assert {each.reason for each in floor.replaced} == {1, 2, 3, 4, 5}
    assert all(each.condition for each in floor.replaced)
    assert {users[each.user_id or 0] for each in floor.replaced} == {"ines", "marco"} < set(PEOPLE)
    for each in floor.replaced:
        hour = each.occurred_at % 86400 / 3600
        assert 6 <= hour < 22.5
        assert users[each.user_id or 0] == ("ines" if hour < SHIFT_CHANGES else "marco")
        assert 0 <= each.recorded_at - each.occurred_at < 55 * 60
    assert 0.03 < sum(each.recorded_at - each.occurred_at > 600 for each in floor.replaced) / len(floor.replaced) < 0.3
    assert 0.1 < sum(bool(each.notes) for each in floor.replaced) / len(floor.replaced) < 0.8


def test_inserts_are_turned_before_new_ones_are_taken(floor: Floor) -> None:
    indexed: Counter[int] = Counter()
    for each in floor.replaced:
        item = floor.shop.inventory_items.get(each.inventory_item_id or 0)
        tool = floor.shop.tools[each.tool_id]
        if each.indexed:
            indexed[tool.id] += 1
            assert each.used_corners == indexed[tool.id] < (item.corners if item else 0)
            assert each.quantity == 0
        else:
            assert each.quantity == tool.slots
            assert item is None or item.corners < 2 or each.reason == 2 or indexed[tool.id] == item.corners - 1
            indexed[tool.id] = 0


def test_one_replacement_was_a_mistake(floor: Floor) -> None:
    (mistake,) = floor.mistaken
    returned = [e for e in floor.events if isinstance(e, StockMoved) and e.why == "undo"]
    assert [e.replacement_id for e in returned] == [mistake.replacement_id]


def test_a_boring_head_was_sent_to_be_rebuilt(floor: Floor) -> None:
    (swap,) = [each for each in floor.replaced if each.substitute_id]
    sent, spare = floor.shop.tools[swap.tool_id], floor.shop.tools[swap.substitute_id or 0]
    assert (sent.name, sent.assembly_id, sent.maintenance_status) == ("Fine boring head 36-46, A", None, 6)
    assert (spare.name, spare.maintenance_status) == ("Fine boring head 36-46, B", 7)
    assert floor.shop.assemblies[spare.assembly_id or 0].name == "Fine boring bar 40"


def test_lives_were_changed_with_a_word_why(floor: Floor) -> None:
    changed = [e for e in floor.events if isinstance(e, ToolLifeChanged) and e.process_id is None]
    assert len(changed) >= 4
    assert all(e.notes and e.user_id and e.fields.part_life is not UNSET for e in changed)


def test_stock_is_never_below_zero_and_some_is_short_now(floor: Floor) -> None:
    quantities: Counter[tuple[int, int]] = Counter()
    for event in floor.events:
        if isinstance(event, StockMoved):
            for item_id, change in event.changes.items():
                quantities[event.point_id, item_id] += change
                assert quantities[event.point_id, item_id] >= 0
    shop = floor.shop
    for point in shop.inventory_points.values():
        assert {item_id: quantities[point.id, item_id] for item_id in point.items} == point.items
    assert any(isinstance(event, ToolStockPassedReorderPoint) and not event.below for event in floor.events)
    short = [tool for tool in shop.tools.values() if tool.below_reorder_point]
    assert 1 <= len(short) <= 8
    assert "Reamer 10 H7" in {tool.name for tool in short}
    assert stock_of(shop, floor.named("Reamer 10 H7").inventory_item_id or 0) == 0


async def _keep(backend: Backend) -> None:
    """Half an hour of his."""
    head = backend.ledger.head
    writing = asyncio.create_task(backend.writer.run())
    keeper = Keeper(backend)
    for seconds in (0.0, 60.0, 1300.0):
        await asyncio.wait_for(keeper.look(seconds), 20)
        if seconds == 60.0:
            assert backend.ledger.head == head  # he is patient
    writing.cancel()


def test_somebody_replaces_what_is_past_its_life_on_the_live_floor(floor: Floor) -> None:
    """Last in this file: it changes the floor. Of the reamer there is none."""
    shop = floor.shop
    worn = {each.tool_id for each in shop.open_alerts.values() if each.kind == "tool_life"}
    on_order = {item.id for item in shop.inventory_items.values() if item.qty_on_order}
    asyncio.run(_keep(floor.backend))
    left = {each.tool_id for each in shop.open_alerts.values() if each.kind == "tool_life"}
    reamer = floor.named("Reamer 10 H7")
    assert left == worn & {reamer.id}
    assert [each.id for each in shop.inventory_items.values() if each.id in on_order and each.qty_on_order] == [
        reamer.inventory_item_id
    ]

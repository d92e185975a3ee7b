"""Noticing that a tool is worn, due for calibration, or short of stock: on a real ledger, once per occasion. That it
is noticed in time, whatever the watch remembers: `test_tool_watch.py`."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from street import START, Street, assert_sound, new_street
from takt_projections.history import History
from taktledger.domain.alerts import AlertRaised, DismissAlert, dismiss_alert
from taktledger.domain.assemblies import CreateAssembly, create_assembly
from taktledger.domain.event import Event
from taktledger.domain.inventory.items import CreateInventoryItem, create_inventory_item
from taktledger.domain.inventory.points import (
    CreateInventoryPoint,
    EditInventoryPoint,
    InventoryPointChanges,
    create_inventory_point,
    edit_inventory_point,
)
from taktledger.domain.machines import CreateMachine, create_machine
from taktledger.domain.options import OptionFields, edit_options
from taktledger.domain.processes import CreateProcess, create_process
from taktledger.domain.programs import CreateProgram, create_program
from taktledger.domain.tools.editing import (
    EditProcessLife,
    EditTool,
    ProcessLifeChanges,
    ToolChanges,
    edit_process_life,
    edit_tool,
)
from taktledger.domain.tools.life import ToolWarned
from taktledger.domain.tools.notices import ToolCalibrationFellDue, ToolStockPassedReorderPoint
from taktledger.domain.tools.replacing import ReplaceTool, Replacing, replace_tool
from taktledger.domain.tools.tool import CreateTool, create_tool
from taktledger.domain.tools.watch import LookAtTools, ToolWatch
from taktledger.shopfloor.facts import CyclesSeen, ProgramSeen, RunTimeSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

LOCATION = 4
DAY = 86_400.0
MIDNIGHT = datetime.fromtimestamp(START, UTC).replace(hour=0, minute=0).timestamp() + DAY
"""The first one after START, in UTC."""


class Job:
    """A lathe that runs O1 of process 1. Its assembly has one tool."""

    def __init__(self, street: Street, **tool: Any) -> None:
        self.street = street
        self.watch = ToolWatch(History(street.models))
        street.writer._follow = self.watch.follow
        street.do(create_machine, CreateMachine(name="lathe"))
        for number in (1, 2):
            street.do(create_process, CreateProcess(machine_id=1, name=f"process {number}"))
            street.do(create_program, CreateProgram(machine_id=1, filename=f"O{number}", process_id=number))
        street.do(create_assembly, CreateAssembly(name="drill", process_id=1, location=LOCATION))
        command = msgspec.convert({"name": "insert", "assembly_id": 1, **tool}, CreateTool)
        self.found = self.do(create_tool, command)
        """What was noticed when it was set up."""
        self.fact(ProgramSeen(program="O1"))

    def do(self, decide: Any, command: Any, actor: str = "user-1") -> list[Event]:
        """What was noticed after it."""
        answer = self.street.do(decide, command, actor=actor)
        kinds = (AlertRaised, ToolWarned, ToolCalibrationFellDue, ToolStockPassedReorderPoint)
        return [each.event for each in answer.events if isinstance(each.event, kinds)]

    def fact(self, fact: Any, ago: float = 0.0) -> list[Event]:
        self.street.clock.now += 1
        taken = TakeFact(machine="lathe", fact=fact, occurred_at=self.street.clock.now - ago)
        return self.do(take_fact, taken)

    def makes(self, parts: int = 1, program: str = "O1", seconds: float = 0.0) -> list[Event]:
        times = {LOCATION: seconds} if seconds else {}
        return self.fact(CyclesSeen(cycles=parts, counters={}, program=program, tool_seconds=times))

    def edits(self, **changes: Any) -> list[Event]:
        said = msgspec.convert(changes, ToolChanges)
        return self.do(self.asking(edit_tool), EditTool(tool_id=1, changes=said))

    def edits_pair(self, process_id: int = 1, **changes: Any) -> list[Event]:
        said = msgspec.convert(changes, ProcessLifeChanges)
        command = EditProcessLife(tool_id=1, process_id=process_id, changes=said)
        return self.do(self.asking(edit_process_life), command)

    def replaced(self, **body: Any) -> list[Event]:
        self.street.clock.now += 1
        return self.do(self.asking(replace_tool), ReplaceTool(tool_id=1, said=Replacing(**body)))

    def looked_at(self, at: float) -> list[Event]:
        """As at the beginning of a day, or at the end of a snooze."""
        self.street.clock.now = at
        return self.do(self.watch.look_at_tools, LookAtTools(), actor="system")

    def counts(self, item_id: int, quantity: int, point_id: int = 1) -> list[Event]:
        changes = InventoryPointChanges(items={item_id: quantity})
        return self.do(edit_inventory_point, EditInventoryPoint(point_id=point_id, changes=changes))

    def asking(self, decide: Any) -> Any:
        return partial(decide, history=History(self.street.models))


@pytest.fixture
def street() -> Iterator[Street]:
    with new_street() as opened:
        yield opened


def whats(found: list[Event]) -> list[str]:
    """What was noticed of the life of the tool. Each warning has its alert right after it."""
    warned, alerts = found[::2], found[1::2]
    assert all(isinstance(each, ToolWarned) and each.actor == "system" for each in warned)
    assert all(isinstance(each, AlertRaised) and each.tool_id == 1 for each in alerts)
    kinds = {"warning": "tool_warning", "day_warning": "tool_warning", "life": "tool_life"}
    assert [kinds[each.what] for each in warned] == [each.kind for each in alerts]
    assert [each.what for each in warned] == [each.data["what"] for each in alerts]
    return [each.what for each in warned]


# Parts


def test_a_warning_once_and_past_life_once(street: Street) -> None:
    """At or below `warn_life` remaining; past its life: greater than it. Each once until the tool is replaced."""
    job = Job(street, part_life=5, warn_life=2)
    assert [whats(job.makes()) for _ in range(8)] == [[], [], ["warning"], [], [], ["life"], [], []]
    assert job.replaced() == []
    assert [whats(job.makes()) for _ in range(7)] == [[], [], ["warning"], [], [], ["life"], []]


def test_what_the_alert_says(street: Street) -> None:
    _, alert = Job(street, part_life=5, warn_life=2, max_runtime=600).makes(4, seconds=90)
    assert (alert.kind, alert.tool_id, alert.machine_id, alert.process_id) == ("tool_warning", 1, 1, None)
    assert alert.data == {
        **{"what": "warning", "part_count": 4, "part_life": 5, "runtime": 90.0, "max_runtime": 600.0},
        **{"day_count": 0, "day_life": 0},
    }
    for words in ("'insert' should be replaced soon", "4 of 5 parts", "2 of 10 minutes"):
        assert words in alert.message


def test_several_at_once(street: Street) -> None:
    """Both of them, and one warning, for many parts and seconds at once."""
    job = Job(street, part_life=5, warn_life=2, max_runtime=10)
    assert whats(job.makes(6, seconds=11)) == ["warning", "life"]
    assert job.makes(6, seconds=11) == []


def test_a_dismissed_alert_does_not_come_again(street: Street) -> None:
    job = Job(street, part_life=2, warn_life=1)
    assert whats(job.makes()) == ["warning"]
    job.do(dismiss_alert, DismissAlert(alert_id=1, user_id=1))
    assert job.makes() == []


def test_a_life_of_0_is_none(street: Street) -> None:
    job = Job(street, warn_life=5, warn_runtime=5, day_warning=5)
    assert job.makes(9, seconds=9) == []
    assert job.looked_at(START + 9 * DAY) == []


def test_a_tool_elsewhere_is_not_worn(street: Street) -> None:
    assert Job(street, part_life=2).makes(9, program="O2") == []


@pytest.mark.parametrize("changes", [{"part_count": 4}, {"part_life": 6}, {"warn_life": 7}])
def test_each_change_of_a_tool_is_looked_at(street: Street, changes: dict[str, int]) -> None:
    """The ledger looks after each cycle and each change of a tool."""
    job = Job(street, part_life=10, warn_life=6)
    assert job.makes(3) == []
    assert whats(job.edits(**changes)) == ["warning"]


def test_a_tool_that_is_set_up_worn(street: Street) -> None:
    assert whats(Job(street, part_life=10, part_count=11).found) == ["warning", "life"]


def test_what_was_made_before_the_replacement_wears_the_record(street: Street) -> None:
    """Late: it was made with the tool before."""
    job = Job(street, part_life=5)
    job.replaced()
    job.replaced()
    seen = CyclesSeen(cycles=9, counters={}, program="O1")
    assert job.fact(seen, ago=2.5) == []
    assert [whats(job.makes()) for _ in range(6)] == [[], [], [], [], ["warning"], ["life"]]


# Run time


def test_run_time(street: Street) -> None:
    """Warnings look at everything that has a life; past its life goes by the usage mode."""
    job = Job(street, usage_mode=1, max_runtime=10, warn_runtime=2.5)
    assert [whats(job.makes(seconds=2.5)) for _ in range(6)] == [[], [], ["warning"], [], ["life"], []]
    assert job.replaced() == []
    run = RunTimeSeen(tool_seconds={LOCATION: 2.5, 9: 99.0})
    assert [whats(job.fact(run)) for _ in range(6)] == [[], [], ["warning"], [], ["life"], []]


def test_run_time_in_another_mode(street: Street) -> None:
    job = Job(street, usage_mode=0, max_runtime=10, part_life=9)
    assert [whats(job.makes(2, seconds=9)) for _ in range(5)] == [[], ["warning"], [], [], ["life"]]


def test_run_time_of_other_locations_is_not_its_own(street: Street) -> None:
    job = Job(street, usage_mode=1, max_runtime=10)
    assert job.fact(RunTimeSeen(tool_seconds={LOCATION + 1: 99.0})) == []
    assert whats(job.fact(RunTimeSeen(tool_seconds={LOCATION: 10.0}))) == ["warning"]


# Days


def test_days_are_looked_at_when_a_day_begins(street: Street) -> None:
    """`day_life - day_count` at or below `day_warning`; a cycle in between doesn't count days."""
    job = Job(street, usage_mode=2, day_life=3, day_warning=1)
    found = []
    for day in range(6):
        at = MIDNIGHT + day * DAY
        found.append([whats(job.looked_at(at - 1)), whats(job.looked_at(at)), whats(job.makes())])
    due = [[[], [], []], [[], ["day_warning"], []], [[], [], []], [[], ["life"], []], [[], [], []], [[], [], []]]
    assert found == due


def test_days_are_local(street: Street) -> None:
    """In Kiritimati (UTC+14) the next day began 14 hours before that of UTC. In UTC START is at noon."""
    street.do(edit_options, OptionFields(timezone="Pacific/Kiritimati"))
    job = Job(street, day_life=1)
    local = MIDNIGHT + DAY - 14 * 3600
    assert job.looked_at(local - 1) == []
    assert whats(job.looked_at(local)) == ["day_warning"]


def test_days_with_a_part(street: Street) -> None:
    """`part`: the day of the replacement counts as well."""
    job = Job(street, usage_mode=2, day_life=2, day_count_type="part")
    job.makes()
    assert job.looked_at(MIDNIGHT + 2 * DAY) == []
    job.makes()
    assert whats(job.looked_at(MIDNIGHT + 3 * DAY)) == ["day_warning"]
    job.makes()
    assert whats(job.looked_at(MIDNIGHT + 4 * DAY)) == ["life"]


# Snoozed


def test_a_snoozed_tool_is_no_alert_until_then(street: Street) -> None:
    """Not until after this date and time: at it, not yet."""
    until = START + 500
    job = Job(street, part_life=2, day_life=1, replacement_rules_snoozed_until=until)
    assert job.makes(9) == []
    assert job.looked_at(until) == []
    assert whats(job.looked_at(until + 0.001)) == ["warning", "life"]
    assert whats(job.looked_at(MIDNIGHT)) == ["day_warning"]


def test_a_snooze_that_is_taken_back(street: Street) -> None:
    job = Job(street, part_life=2, replacement_rules_snoozed_until=START + 500)
    job.makes(9)
    assert whats(job.edits(replacement_rules_snoozed_until=None)) == ["warning", "life"]
    assert_sound(street)


# The life in the loaded process


def test_the_life_in_the_loaded_process_goes_first(street: Street) -> None:
    """By the loaded process's pair if it has a life of its own, else by the tool's."""
    job = Job(street, part_life=9)
    job.edits_pair(part_life=3, warn_life=1)
    assert [whats(job.makes()) for _ in range(4)] == [[], ["warning"], [], ["life"]]
    assert job.makes(9) == [], "its own life is not in force"
    assert job.street.shop.tools[1].process_lives[1].sent == {"warning", "life"}
    job.fact(ProgramSeen(program="O2"))
    assert whats(job.edits(notes="x")) == ["warning", "life"], "now it is"
    assert job.street.shop.tools[1].life.sent == {"warning", "life"}


def test_a_warning_of_a_pair_names_its_process(street: Street) -> None:
    job = Job(street)
    job.edits_pair(part_life=2)
    warned, alert = job.makes(2)
    assert (warned.process_id, alert.process_id, alert.data["part_life"]) == (1, 1, 2)
    assert job.replaced() == []
    assert whats(job.makes(2)) == ["warning"]


# Calibration


def test_a_calibration_that_is_due(street: Street) -> None:
    """Once for each calibration, from the local day on that it is due."""
    today = datetime.fromtimestamp(START, UTC).date()
    job = Job(street, calibration_date=today - timedelta(days=8), calibration_interval=10, calibration_notify=1)
    assert job.looked_at(MIDNIGHT + DAY - 1) == []
    fell_due, alert = job.looked_at(MIDNIGHT + DAY)
    assert isinstance(fell_due, ToolCalibrationFellDue)
    assert (fell_due.due, alert.kind, alert.tool_id) == (today + timedelta(days=2), "calibration", 1)
    assert [job.looked_at(MIDNIGHT + day * DAY) for day in (2, 9)] == [[], []]
    assert job.edits(calibration_date=(today + timedelta(days=20)).isoformat()) == [], "that is not due for a while"
    assert len(job.looked_at(MIDNIGHT + 30 * DAY)) == 2


@pytest.mark.parametrize("name", ["calibration_date", "calibration_interval", "calibration_notify"])
def test_no_calibration_without_all_three(street: Street, name: str) -> None:
    said = {"calibration_date": date(2020, 1, 1), "calibration_interval": 1, "calibration_notify": 1, name: None}
    assert Job(street, **said).looked_at(MIDNIGHT) == []


# Stock


def test_stock_at_and_above_the_reorder_point(street: Street) -> None:
    """An alert at it or below; it is over when the stock is above. What falls again is another occasion."""
    street.do(create_inventory_item, CreateInventoryItem(name="insert"))
    for quantity in (9, 4):
        street.do(create_inventory_point, CreateInventoryPoint(name="cabinet", items={1: quantity}))
    job = Job(street, inventory_item_id=1, reorder_point=10)
    assert job.found == []
    found = [[type(each) for each in job.counts(1, quantity)] for quantity in (7, 6, 3, 0, 6, 7, 8, 5)]
    passed = ToolStockPassedReorderPoint
    assert found == [[], [passed, AlertRaised], [], [], [], [passed], [], [passed, AlertRaised]]
    assert [each.kind for each in street.shop.open_alerts.values()] == ["stock"]
    assert whats_in_stock(job.counts(1, 9, point_id=2)) == [(False, 14)]
    assert street.shop.open_alerts == {}
    assert whats_in_stock(job.replaced(inv_pt=1)) == []
    assert whats_in_stock(job.edits(reorder_point=13)) == [(True, 13)]
    assert whats_in_stock(job.edits(reorder_point=None)) == [(False, 13)]


def whats_in_stock(found: list[Event]) -> list[tuple[bool, int]]:
    return [(each.below, each.stock) for each in found if isinstance(each, ToolStockPassedReorderPoint)]


def test_a_replacement_that_takes_the_last(street: Street) -> None:
    street.do(create_inventory_item, CreateInventoryItem(name="insert"))
    street.do(create_inventory_point, CreateInventoryPoint(name="cabinet", items={1: 2}))
    job = Job(street, inventory_item_id=1, reorder_point=1)
    _, alert = job.replaced(inv_pt=1)
    assert alert.data == {"inventory_item_id": 1, "stock": 1, "reorder_point": 1, "order_qty": None}
    assert_sound(street)

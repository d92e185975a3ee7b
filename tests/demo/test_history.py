"""The month before now: in order, not too much of it, and all of it something that the ledger takes."""

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

import pytest
from msgspec.structs import replace

from taktledger.demo.history import FIRST_COUNTS, HistoryStep, history, last_counts
from taktledger.demo.machines import ALARMS, DIAMETER, MACHINES
from taktledger.domain.controls import MachineBaselineRead, MachineStateChanged
from taktledger.domain.event import Event
from taktledger.domain.fold import fold
from taktledger.domain.parts import CycleFinished, ProductionGapRecorded
from taktledger.domain.reactions import react
from taktledger.domain.shop import Counter as Reading
from taktledger.domain.shop import Shop
from taktledger.shopfloor.facts import BaselineSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

NOW = datetime(2026, 11, 20, 14, 17, tzinfo=UTC).timestamp()
"""A Friday afternoon."""
DAY = 24 * 3600.0


def write(shop: Shop, step: HistoryStep) -> list[Event]:
    """What the writer does with one step."""
    events: list[Event] = []
    for decided in step.decide(shop, step.command, step.at):
        event = replace(decided, source=step.source, source_sequence=step.sequence, recorded_at=step.at)
        fold(shop, event)
        events.append(event)
        for reaction in react(shop, event):
            fold(shop, reaction)
            events.append(reaction)
    return events


class Month:
    def __init__(self) -> None:
        self.steps = list(history(NOW, seed=1))
        self.shop = Shop()
        self.events = [event for step in self.steps for event in write(self.shop, step)]

    def of(self, kind: type[Event], source_name: str) -> list[Event]:
        machine_id = self.shop.machine_ids[source_name]
        return [e for e in self.events if isinstance(e, kind) and getattr(e, "machine_id", None) == machine_id]


@pytest.fixture(scope="module")
def month() -> Month:
    return Month()


def test_the_steps_are_in_order_and_within_the_month(month: Month) -> None:
    times = [step.at for step in month.steps]
    assert times == sorted(times)
    assert times[0] == NOW - 30 * DAY
    assert NOW - 120 < times[-1] <= NOW
    for machine in MACHINES:
        source = f"demo-history/{machine.source_name}"
        sequences = [step.sequence for step in month.steps if step.source == source]
        assert sequences == list(range(1, len(sequences) + 1))
        assert month.shop.received[source] == [[1, len(sequences)]]


@pytest.mark.parametrize(("seed", "days_later"), [(2, 0.0), (3, 2.5)])
def test_the_month_is_long_enough_and_not_too_long(seed: int, days_later: float) -> None:
    shop = Shop()
    assert 30_000 < sum(len(write(shop, step)) for step in history(NOW + days_later * DAY, seed)) < 100_000


def test_the_same_seed_makes_the_same_month(month: Month) -> None:
    assert list(islice(history(NOW, seed=1), 20_000)) == month.steps[:20_000]
    assert list(history(NOW, seed=1, days=1)) != list(history(NOW, seed=2, days=1))


def test_it_makes_a_shop(month: Month) -> None:
    shop = month.shop
    assert {each.source_name: each.name for each in shop.machines.values()} == {
        each.source_name: each.name for each in MACHINES
    }
    assert all(each.description and each.current_work_order for each in shop.machines.values())
    programs = {program.filename: program for machine in MACHINES for program in machine.programs}
    assert {each.filename for each in shop.programs.values()} == set(programs)
    for program in shop.programs.values():
        spec = programs[program.filename]
        assert program.custom_name == spec.title
        assert program.process_id
        process = shop.processes[program.process_id]
        assert (process.name, process.parts_per_cycle) == (spec.process, spec.parts_per_cycle)
        assert process.machine_id == program.machine_id
    assert shop.parts_made > 20_000


def test_the_machines_work_in_shifts_and_not_all_the_same(month: Month) -> None:
    cycles = [event for event in month.events if isinstance(event, CycleFinished)]
    days = Counter(datetime.fromtimestamp(event.occurred_at, UTC).weekday() for event in cycles)
    assert days[6] == 0
    assert 0 < days[5] < days[0] / 2
    assert all(6 <= datetime.fromtimestamp(event.occurred_at, UTC).hour <= 22 for event in cycles)
    assert len({count // 100 for count in Counter(event.machine_id for event in cycles).values()}) == 4


def test_every_cycle_is_counted_once(month: Month) -> None:
    """What the counters say and what the ledger counted are the same, but for the resets."""
    for name in ("mill-1", "mill-2", "mill-5ax"):
        cycles = [event.cycles for event in month.of(CycleFinished, name) if isinstance(event, CycleFinished)]
        assert set(cycles) == {1}
        size = 2**16 if name == "mill-2" else 2**32
        assert (FIRST_COUNTS[name] + len(cycles)) % size == last_counts(month.shop)[name]
        assert month.of(ProductionGapRecorded, name) == []
    assert last_counts(month.shop)["mill-2"] < FIRST_COUNTS["mill-2"]  # it wrapped
    gaps = month.of(ProductionGapRecorded, "lathe-1")
    assert 3 <= len(gaps) <= 20
    assert {gap.why for gap in gaps if isinstance(gap, ProductionGapRecorded)} == {"restart"}


def test_a_cycle_says_which_tools_cut_and_for_how_long(month: Month) -> None:
    tools = {program.filename: set(program.tools) for machine in MACHINES for program in machine.programs}
    cycles = [event for event in month.events if isinstance(event, CycleFinished)]
    for event in cycles:
        assert event.program
        assert set(event.tool_seconds) == set(event.tools_seen) == tools[event.program]
        assert 40 <= sum(event.tool_seconds.values()) <= 161
    assert all("diameter" in event.variables for event in month.of(CycleFinished, "mill-5ax")[-100:])  # type: ignore[attr-defined]
    assert any(event.work_order for event in cycles)


def test_alarms_come_and_go(month: Month) -> None:
    changes = [event.changes for event in month.events if isinstance(event, MachineStateChanged)]
    alarms = [change.alarms for change in changes if isinstance(change.alarms, list)]
    assert {alarm.alarm_code for each in alarms for alarm in each} == {alarm.code for alarm in ALARMS}
    assert 0.4 < sum(each == [] for each in alarms) / len(alarms) < 0.6


def test_a_live_floor_that_starts_with_the_last_counts_makes_no_gap(month: Month) -> None:
    for number, (name, count) in enumerate(last_counts(month.shop).items(), start=1):
        baseline = BaselineSeen(counters={"part_count": Reading(count)})
        command = TakeFact(machine=name, fact=baseline, occurred_at=NOW + 5)
        step = HistoryStep(at=NOW + 5, decide=take_fact, command=command, source=f"edge/{name}", sequence=number)
        assert [type(event) for event in write(month.shop, step)] == [MachineBaselineRead]


def test_a_day_without_work_still_has_its_machines() -> None:
    sunday = datetime(2026, 11, 22, 23, tzinfo=UTC).timestamp()
    shop = Shop()
    for step in history(sunday, seed=1, days=1):
        write(shop, step)
    assert last_counts(shop) == FIRST_COUNTS
    assert all(process.display_variable in (None, DIAMETER) for process in shop.processes.values())
    assert len(shop.processes) == sum(len(machine.programs) for machine in MACHINES)

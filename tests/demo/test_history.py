"""The month before now: in order, not too much of it, and all of it something that the ledger takes."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import islice, pairwise

import pytest
from msgspec.structs import replace

from taktledger.demo.history import FIRST_COUNTS, HistoryStep, history, last_readings
from taktledger.demo.machines import MACHINES
from taktledger.demo.people import PEOPLE
from taktledger.demo.specs import ALARMS, DIAMETER, PROGRAM_SELECT
from taktledger.domain.alerts import AlertDismissed, AlertRaised
from taktledger.domain.assemblies import AssemblyMoved
from taktledger.domain.changeover import ProcessChangedOver, ProcessSwitched
from taktledger.domain.controls import MachineBaselineRead, MachineStateChanged
from taktledger.domain.event import Event
from taktledger.domain.fold import fold
from taktledger.domain.parts import (
    CycleFinished,
    LastCycle,
    PartDeleted,
    PartEdited,
    PartRecord,
    ProductionGapRecorded,
)
from taktledger.domain.programs import ProgramLoaded
from taktledger.domain.reactions import react
from taktledger.domain.shop import Counter as Reading
from taktledger.domain.shop import Shop
from taktledger.domain.tools.life import Use
from taktledger.domain.tools.replacement import ReplacementRecord, ToolReplaced
from taktledger.shopfloor.facts import BaselineSeen
from taktledger.shopfloor.ingest import TakeFact, take_fact

NOW = datetime(2026, 11, 20, 14, 17, tzinfo=UTC).timestamp()
"""A Friday afternoon."""
DAY = 24 * 3600.0


class Parts:
    """Stands in for the rows: what a decision about a part or a tool asks of them. No tool is ever worn."""

    def __init__(self) -> None:
        self.records: dict[int, PartRecord] = {}
        self.replaced: dict[int, ToolReplaced] = {}

    def take(self, shop: Shop, event: Event) -> None:
        match event:
            case CycleFinished():
                for part_id in range(shop.parts_made - event.parts + 1, shop.parts_made + 1):
                    self.records[part_id] = PartRecord(
                        id=part_id,
                        revision=1,
                        machine_id=event.machine_id,
                        program_id=event.program_id,
                        process_id=event.process_id,
                        finished=event.occurred_at,
                        notes="",
                        scrapped=False,
                        reworked=False,
                        suspect=False,
                    )
            case PartDeleted():
                del self.records[event.part_id]
            case ToolReplaced():
                self.replaced[event.replacement_id] = event
            case _:
                pass

    def part(self, shop: Shop, part_id: int) -> PartRecord | None:
        return self.records.get(part_id)

    def last_cycle_without(self, shop: Shop, part: PartRecord, of: str) -> LastCycle | None:
        return None

    def uses(
        self, shop: Shop, tool_ids: Iterable[int], now: float, *, until: float | None = None
    ) -> dict[int, dict[int, Use]]:
        return {each: {0: Use()} for each in tool_ids}

    def replacement(self, shop: Shop, replacement_id: int) -> ReplacementRecord | None:
        event = self.replaced[replacement_id]
        return ReplacementRecord(
            id=event.replacement_id,
            tool_id=event.tool_id,
            timestamp=event.occurred_at,
            notes=event.notes,
            reason=event.reason,
            condition=event.condition,
            revision=1,
            inventory_item_id=event.inventory_item_id,
            inventory_point_id=event.inventory_point_id,
            quantity=event.quantity,
            substitute_id=event.substitute_id,
            before=event.before,
            image=None,
        )


def write(shop: Shop, step: HistoryStep, parts: Parts) -> list[Event]:
    """What the writer does with one step."""
    events: list[Event] = []
    decide = partial(step.decide, history=parts) if step.reads_rows else step.decide
    for decided in decide(shop, step.command, step.at):
        event = replace(decided, source=step.source, source_sequence=step.sequence, recorded_at=step.at)
        fold(shop, event)
        parts.take(shop, event)
        events.append(event)
        _react(shop, event, events)
    return events


def _react(shop: Shop, event: Event, events: list[Event]) -> None:
    for reaction in react(shop, event):
        fold(shop, reaction)
        events.append(reaction)
        _react(shop, reaction, events)


class Month:
    def __init__(self, now: float = NOW, seed: int = 1) -> None:
        self.steps = list(history(now - 30 * DAY, now, seed))
        self.shop, self.parts = Shop(), Parts()
        self.events = [event for step in self.steps for event in write(self.shop, step, self.parts)]

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


@pytest.mark.parametrize(("seed", "days_later"), [(2, 0.0), pytest.param(3, 2.5, marks=pytest.mark.long)])
def test_every_month_is_long_enough_and_well_kept(seed: int, days_later: float) -> None:
    month = Month(NOW + days_later * DAY, seed)
    assert 30_000 < len(month.events) < 100_000
    assert 1 <= len(month.shop.open_alerts) <= 8


def test_the_same_seed_makes_the_same_month(month: Month) -> None:
    assert list(islice(history(NOW - 30 * DAY, NOW, seed=1), 20_000)) == month.steps[:20_000]
    one, other = (list(history(NOW - DAY, NOW, seed=seed)) for seed in (1, 2))
    assert one != other


def test_a_later_now_makes_a_longer_month_that_begins_in_the_same_way(month: Month) -> None:
    longer = list(history(NOW - 30 * DAY, NOW + 3600, seed=1))
    alike = [[step for step in each if step.at < NOW - 2 * DAY] for each in (month.steps, longer)]
    assert alike[0] == alike[1]
    facts = [[step for step in each if step.source and step.at < NOW - 300] for each in (month.steps, longer)]
    assert facts[0] == facts[1]


def test_it_makes_a_shop(month: Month) -> None:
    shop = month.shop
    assert {each.source_name: each.name for each in shop.machines.values()} == {
        each.source_name: each.name for each in MACHINES
    }
    assert all(each.description and each.current_work_order for each in shop.machines.values())
    for machine in MACHINES:
        made = shop.machines[shop.machine_ids[machine.source_name]]
        reported = {machine.main_program} - {None}
        assert set(made.programs) - reported == {program.filename for program in machine.programs}
        for spec in machine.programs:
            program = shop.programs[made.programs[spec.filename]]
            owner = machine.process_of(spec.filename)
            assert (program.custom_name, program.load_by_var_value) == (spec.title, spec.selected_by)
            process = shop.processes[program.process_id] if program.process_id else None
            assert (process.name if process else None) == (owner.name if owner else None)
            assert process is None or process.machine_id == made.id
    for process in shop.processes.values():
        assert process.setup_instructions
        assert process.teardown_instructions
        assert process.tags
        assert 0 < process.part_material_cost < process.part_sell_price
        assert process.time_per_cycle
    assert sum(process.parts_per_cycle == 2 for process in shop.processes.values()) == 1
    assert shop.machines[shop.machine_ids["lathe-1"]].program_cv == PROGRAM_SELECT
    assert shop.parts_made > 20_000
    assert {user.username: user.access_level for user in shop.users.values()} == PEOPLE


def test_processes_have_several_programs_that_make_parts_in_turn(month: Month) -> None:
    cycles = [event for event in month.events if isinstance(event, CycleFinished) and event.process_id]
    for process in month.shop.processes.values():
        runs = [event.program for event in cycles if event.process_id == process.id]
        spec = next(p for machine in MACHINES for p in machine.processes if p.name == process.name)
        made = Counter(runs)
        assert set(made) == {program.filename for program in spec.programs}
        if len(made) > 1:  # no side without the other
            assert min(made.values()) > 0.9 * max(made.values())
            assert sum(a != b for a, b in pairwise(runs)) > len(runs) / (2 * spec.tray)


def test_each_machine_changes_over_some_times_a_day_and_warms_up_before_it_begins(month: Month) -> None:
    for machine in MACHINES:
        switches = [e for e in month.of(ProcessSwitched, machine.source_name) if isinstance(e, ProcessSwitched)]
        changed = [e for e in switches if e.process_id and e.previous_process_id not in (None, e.process_id)]
        assert 15 < len(changed) < 120
        loaded = [e for e in month.of(ProgramLoaded, machine.source_name) if isinstance(e, ProgramLoaded)]
        warm_ups = {datetime.fromtimestamp(e.occurred_at, UTC).date() for e in loaded if "WARM-UP" in e.program}
        cycles = month.of(CycleFinished, machine.source_name)
        days = {datetime.fromtimestamp(e.occurred_at, UTC).date() for e in cycles}
        assert len(days - warm_ups) <= 1  # the first one: it was running when the history began
        standing = {b.occurred_at for a, b in pairwise(cycles) if b.occurred_at - a.occurred_at > 5 * 3600}
        for at in standing:
            assert any(at - 900 < e.occurred_at < at and "WARM-UP" in e.program for e in loaded)


def test_shared_assemblies_are_where_their_machine_is(month: Month) -> None:
    shop = month.shop
    moves = Counter(event.assembly_id for event in month.events if isinstance(event, AssemblyMoved))
    for machine in MACHINES:
        made = shop.machines[shop.machine_ids[machine.source_name]]
        processes = {each.name: each for each in shop.processes.values() if each.machine_id == made.id}
        ids = {each for process in processes.values() for each in process.assembly_ids}
        shared = {each for each in ids if shop.assemblies[each].shared}
        assert {shop.assemblies[each].name for each in shared} == {each.name for each in machine.shared}
        assert {shop.assemblies[each].process_id for each in shared} == {made.last_process_id}
        assert all(moves[each] > 15 for each in shared)
        for spec in machine.processes:
            own = {shop.assemblies[each].name for each in processes[spec.name].assembly_ids - shared}
            assert own == {each.name for each in spec.assemblies} - {spec.outgrown}
            assert len(processes[spec.name].requirement_ids) >= 4
        pots = {shop.assemblies[each].location for each in ids} - {None}
        assert 12 <= len(pots) <= 20
        assert max(pots) <= machine.pots
    (outgrown,) = (each for each in shop.assemblies.values() if each.process_id is None)
    assert outgrown.name == "Knurling tool"


def test_one_pot_is_used_that_nobody_has_entered(month: Month) -> None:
    found = {each.name: set(each.unassigned_tools_used) for each in month.shop.processes.values()}
    assert {name: pots for name, pots in found.items() if pots} == {"Bracket": {6}}


def test_changeovers_are_planned_or_confirmed_within_minutes(month: Month) -> None:
    switches = [e for e in month.events if isinstance(e, AlertRaised) and e.kind == "switch"]
    dismissed = {e.alert_id: e for e in month.events if isinstance(e, AlertDismissed)}
    waited = [
        dismissed[e.alert_id].occurred_at - e.occurred_at
        for e in switches
        if e.alert_id in dismissed and dismissed[e.alert_id].user_id is not None
    ]
    assert len(waited) > 0.8 * len(switches)
    assert max(waited) < 15 * 60
    said = [e for e in month.events if isinstance(e, ProcessChangedOver)]
    assert 0.1 < sum(e.planned for e in said) / len(said) < 0.4
    kept = [e for e in month.events if isinstance(e, ProcessSwitched) and e.planned]
    assert len(kept) == sum(e.planned for e in said)


def test_every_machine_is_serviced_each_week_before_the_early_shift(month: Month) -> None:
    services = [each for each in month.shop.holds.values() if each.schedule_id is not None]
    assert {each.machine_id for each in services} == set(month.shop.machines)
    assert all(datetime.fromtimestamp(each.start, UTC).hour == 5 and each.ended for each in services)
    cycles = [event.occurred_at for event in month.events if isinstance(event, CycleFinished)]
    assert not any(hold.start < at < (hold.end or NOW) for hold in services for at in cycles)
    assert len(services) >= 4 * 4


def test_one_machine_was_held_over_a_night_by_hand(month: Month) -> None:
    (held,) = [each for each in month.shop.holds.values() if not each.automatic]
    assert month.shop.users[held.user_id or 0].username == "marco"
    assert held.ended
    assert held.notes


def test_few_alerts_are_open(month: Month) -> None:
    names = {machine_id: name for name, machine_id in month.shop.machine_ids.items()}
    kinds = ("stock", "calibration")  # no tool is worn here: see test_tooling
    others = [each for each in month.shop.open_alerts.values() if each.kind not in kinds]
    assert 2 <= len(others) <= 6
    left = {(each.kind, names[each.machine_id]) for each in others if each.machine_id}
    assert left >= {("switch", "mill-2"), ("switch", "mill-5ax")}
    raised = Counter(event.kind for event in month.events if isinstance(event, AlertRaised))
    assert 5 <= raised["variable"] <= 80


def test_some_parts_went_wrong(month: Month) -> None:
    edits = [event for event in month.events if isinstance(event, PartEdited)]
    assert all(
        event.fields.notes and event.occurred_at > month.parts.records[event.part_id].finished for event in edits
    )
    said = Counter(flag for e in edits for flag in ("scrapped", "reworked", "suspect") if getattr(e.fields, flag))
    assert 0.002 < said["scrapped"] / month.shop.parts_made < 0.02
    assert said["reworked"] > 10
    assert said["suspect"] >= 1
    names = {user.id: user.username for user in month.shop.users.values()}
    assert {names[event.editor_id] for event in edits} == {"ines", "marco"}
    assert 1 <= sum(isinstance(event, PartDeleted) for event in month.events) <= 12


def test_the_machines_work_in_shifts_and_not_all_the_same(month: Month) -> None:
    cycles = [event for event in month.events if isinstance(event, CycleFinished)]
    days = Counter(datetime.fromtimestamp(event.occurred_at, UTC).weekday() for event in cycles)
    assert days[6] == 0
    assert 0 < days[5] < days[0] / 2
    assert all(6 <= datetime.fromtimestamp(event.occurred_at, UTC).hour <= 22 for event in cycles)
    assert len({count // 100 for count in Counter(event.machine_id for event in cycles).values()}) >= 3


def test_every_cycle_is_counted_once(month: Month) -> None:
    """What the counters say and what the ledger counted are the same, but for the resets."""
    for name in ("mill-1", "mill-2", "mill-5ax"):
        cycles = [event.cycles for event in month.of(CycleFinished, name) if isinstance(event, CycleFinished)]
        assert set(cycles) == {1}
        size = 2**16 if name == "mill-2" else 2**32
        assert (FIRST_COUNTS[name] + len(cycles)) % size == last_readings(month.shop)[name].counter
        assert month.of(ProductionGapRecorded, name) == []
    assert last_readings(month.shop)["mill-2"].counter < FIRST_COUNTS["mill-2"]  # it wrapped
    gaps = month.of(ProductionGapRecorded, "lathe-1")
    assert 3 <= len(gaps) <= 20
    assert {gap.why for gap in gaps if isinstance(gap, ProductionGapRecorded)} == {"restart"}


def test_a_cycle_says_which_tools_cut_and_for_how_long(month: Month) -> None:
    """Those of a measuring or warm-up program before it with them."""
    tools = {program.filename: program.tools for machine in MACHINES for program in machine.programs}
    cycles = [e for e in month.events if isinstance(e, CycleFinished) and e.program != "O3000 MAIN"]
    exact = 0
    for event in cycles:
        assert event.program
        assert set(event.tool_seconds) == set(event.tools_seen) >= set(tools[event.program])
        assert 39.9 <= sum(event.tool_seconds.values()) <= 3 * 161
        exact += set(event.tools_seen) == set(tools[event.program]) and sum(event.tool_seconds.values()) < 161
    assert exact > 0.95 * len(cycles)
    assert all("diameter" in event.variables for event in month.of(CycleFinished, "mill-5ax")[-100:])  # type: ignore[attr-defined]
    assert any(event.work_order for event in cycles)


def test_alarms_come_and_go(month: Month) -> None:
    changes = [event.changes for event in month.events if isinstance(event, MachineStateChanged)]
    alarms = [change.alarms for change in changes if isinstance(change.alarms, list)]
    assert {alarm.alarm_code for each in alarms for alarm in each} == {alarm.code for alarm in ALARMS}
    assert 0.4 < sum(each == [] for each in alarms) / len(alarms) < 0.6


def test_a_live_floor_that_starts_with_the_last_counts_makes_no_gap(month: Month) -> None:
    for number, (name, kept) in enumerate(last_readings(month.shop).items(), start=1):
        baseline = BaselineSeen(counters={"part_count": Reading(kept.counter)})
        command = TakeFact(machine=name, fact=baseline, occurred_at=NOW + 5)
        step = HistoryStep(at=NOW + 5, decide=take_fact, command=command, source=f"edge/{name}", sequence=number)
        assert [type(event) for event in write(month.shop, step, month.parts)] == [MachineBaselineRead]


def test_a_day_without_work_still_has_its_machines() -> None:
    sunday = datetime(2026, 11, 22, 23, tzinfo=UTC).timestamp()
    shop = Shop()
    for step in history(sunday - DAY, sunday, seed=1):
        write(shop, step, Parts())
    assert {name: kept.counter for name, kept in last_readings(shop).items()} == FIRST_COUNTS
    assert all(process.display_variable in (None, DIAMETER) for process in shop.processes.values())
    assert len(shop.processes) == sum(len(machine.processes) for machine in MACHINES)

"""The days after the set-up: work orders, changeovers, parts that went wrong, alerts that somebody sees to."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from random import Random

from taktledger.demo.people import DAY, MINUTE, PLANNER, Told, Wish, on_shift
from taktledger.demo.requests import (
    DescribeMachine,
    NotePart,
    RemovePart,
    SayChangeover,
    SeeToAlerts,
    describe_machine,
    note_part,
    remove_part,
    say_changeover,
    see_to_alerts,
)
from taktledger.demo.setup import DONE
from taktledger.demo.specs import DIAMETER, MachineSpec, ProcessSpec
from taktledger.domain.machines import MachineFields
from taktledger.domain.parts import PartFields
from taktledger.shopfloor.facts import CyclesSeen, GapSeen, ProgramSeen

PLANNED_SHARE, CONFIRMED_SHARE = 0.25, 0.7
"""Of the changeovers. The others nobody confirms before the next one comes."""
TAKEN_OUT_AFTER = 10 * DAY
"""What a process has outgrown leaves it at the first changeover after that."""
READY = DONE + 30 * MINUTE
"""From then on there are changeovers. Seconds after the start."""
SCRAP_CHANCE, REWORK_CHANCE = 0.004, 0.003
"""Per part."""
AIR_CUT_CHANCE = 0.02
"""Per changeover: its first cycle cuts nothing, and is no part."""
REWORK = (
    "Burr in the cross bore, taken off by hand.",
    "Chamfer too small, made again.",
    "Scratch, polished.",
)


def days_of(machine: MachineSpec, told: Iterable[Told], start: float, now: float, random: Random) -> Iterator[Wish]:
    """What people want because of what the machine told. The times are not in order.

    All chance is drawn in the order of what was told: a later `now` adds to it and changes nothing.
    """
    changeovers: list[list[Wish]] = []
    diameters: list[Wish] = []
    loaded: ProcessSpec | None = None
    loaded_at = start
    air_cut = taken_out = False
    for at, fact in told:
        match fact:
            case ProgramSeen():
                process = machine.process_of(fact.program)
                if process is None or process is loaded:
                    continue
                if loaded is not None and at > start + READY:
                    take_out = loaded.outgrown if at > start + TAKEN_OUT_AFTER and not taken_out else None
                    changeovers.append(list(_changeover(machine, loaded, process, at, loaded_at, take_out, random)))
                    taken_out = taken_out or take_out is not None
                    air_cut = random.random() < AIR_CUT_CHANCE
                loaded, loaded_at = process, at
            case CyclesSeen():
                for wish in _part(machine, loaded, fact, at, air_cut, random):
                    if wish.decide is see_to_alerts:
                        diameters.append(wish)
                    else:
                        yield wish
                air_cut = False
            case GapSeen():
                yield _see_to(machine, "gap", at + random.uniform(4, 30) * MINUTE)
    if machine.behind:
        del changeovers[-1:], diameters[-1:]
    yield from chain(diameters, *changeovers)
    yield from _work_orders(machine, start, now)


def _changeover(
    machine: MachineSpec,
    before: ProcessSpec,
    after: ProcessSpec,
    at: float,
    previous_at: float,
    take_out: str | None,
    random: Random,
) -> Iterator[Wish]:
    """Planned some time before, or confirmed some minutes after, or forgotten."""
    chance, lead, minutes = random.random(), random.uniform(5, 25) * MINUTE, random.uniform(1, 12)
    planned = chance < PLANNED_SHARE and at - lead > previous_at and take_out is None
    if chance > PLANNED_SHARE + CONFIRMED_SHARE and take_out is None:
        return
    says_at = at - lead if planned else at + minutes * MINUTE
    user = PLANNER if planned else on_shift(says_at)
    said = SayChangeover(
        machine=machine.source_name,
        before=before.name,
        after=after.name,
        planned=planned,
        user=user,
        take_out=take_out,
    )
    yield Wish(says_at, user, say_changeover, said)


def _part(
    machine: MachineSpec, process: ProcessSpec | None, fact: CyclesSeen, at: float, air_cut: bool, random: Random
) -> Iterator[Wish]:
    chance, minutes = random.random(), random.uniform(2, 15)
    noted_at = at + minutes * MINUTE
    name, user = machine.source_name, on_shift(noted_at)
    diameter = fact.variables.get(DIAMETER)
    limit = process.largest_diameter if process else None
    if air_cut:
        yield Wish(noted_at, PLANNER, remove_part, RemovePart(machine=name, finished=at), reads_rows=True)
        return
    if diameter is not None and limit is not None and diameter > limit:
        if chance < 0.6:
            fields = PartFields(scrapped=True, notes=f"Bore {diameter:.3f}, larger than {limit:.3f}. Head set again.")
        else:
            fields = PartFields(suspect=True, notes=f"Bore {diameter:.3f} on the machine. To be measured in the lab.")
        yield _see_to(machine, "variable", noted_at)
    elif process is not None and chance < SCRAP_CHANCE:
        fields = PartFields(scrapped=True, notes=random.choice(process.troubles))
    elif chance < SCRAP_CHANCE + REWORK_CHANCE:
        fields = PartFields(reworked=True, notes=random.choice(REWORK))
    else:
        return
    noted = NotePart(machine=name, finished=at, fields=fields, user=user)
    yield Wish(noted_at, user, note_part, noted, reads_rows=True)


def _see_to(machine: MachineSpec, kind: str, at: float) -> Wish:
    user = on_shift(at)
    return Wish(at, user, see_to_alerts, SeeToAlerts(machine=machine.source_name, kind=kind, user=user))


def _work_orders(machine: MachineSpec, start: float, now: float) -> Iterator[Wish]:
    """Every weekday at ten to six another order is next."""
    at = start - start % DAY + DAY + 350 * MINUTE
    while at < now:
        day = datetime.fromtimestamp(at, UTC)
        if day.weekday() < 5:
            fields = MachineFields(current_work_order=f"WO-{day:%y%j}-{machine.source_name}")
            described = DescribeMachine(machine=machine.source_name, fields=fields)
            yield Wish(at, PLANNER, describe_machine, described)
        at += DAY

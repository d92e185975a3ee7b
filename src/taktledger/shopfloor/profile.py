"""The profile: what the detector must know of a machine to read its updates rightly.

The ledger makes it, the edge keeps it.
"""

from msgspec import Struct, field
from msgspec.structs import replace

from taktledger.domain.controls import RUNNING_STATES, running_states
from taktledger.domain.holds.clock import hold_times
from taktledger.domain.shop import Machine, Shop

PART_COUNT = "part_count"


class ProgramProfile(Struct, kw_only=True, frozen=True, omit_defaults=True):
    load_by_var_value: int | None = None
    counter: str = PART_COUNT
    """The counter that makes cycles while this program is loaded."""


class HoldTime(Struct, frozen=True, omit_defaults=True):
    """From when until when a machine must not run."""

    start: float
    """UNIX seconds. The moment itself belongs to it. 0: it has begun."""
    end: float | None = None
    """UNIX seconds. The moment itself doesn't. Null: until somebody releases it."""


class Profile(Struct, kw_only=True, frozen=True):
    """One machine's profile."""

    part_report_limit: int = 100
    running_states: list[str] = field(default_factory=lambda: list(RUNNING_STATES))
    program_cv: int | None = None
    programs: dict[str, ProgramProfile] = field(default_factory=dict)
    """By file name; only those that say something."""
    variables: list[int] = field(default_factory=list)
    """Variables to watch, besides the counters and `program_cv`."""
    holds: list[HoldTime] = field(default_factory=list)
    """The holds that have not ended, and those that its schedules will make in the next seven days."""


def profile_for_edge(shop: Shop, machine: Machine, now: float) -> Profile:
    """What the ledger knows of a machine, with the times at which it must not run."""
    holds = [HoldTime(start, end) for start, end in hold_times(shop, machine.id, now)]
    return replace(profile_of(shop, machine), holds=holds)


def profile_of(shop: Shop, machine: Machine) -> Profile:
    """What the ledger knows of a machine, for its detector."""
    programs = {}
    for filename, program_id in machine.programs.items():
        program = shop.programs[program_id]
        process = shop.processes.get(program.process_id) if program.process_id else None
        counter = PART_COUNT if process is None or process.part_count_cv is None else str(process.part_count_cv)
        if program.load_by_var_value is not None or counter != PART_COUNT:
            programs[filename] = ProgramProfile(load_by_var_value=program.load_by_var_value, counter=counter)
    variables: set[int] = set()
    for process_id in machine.process_ids:
        process = shop.processes[process_id]
        variables |= {mapped.number for mapped in process.cv_map.values()}
        if process.display_variable is not None:
            variables.add(process.display_variable)
    return Profile(
        part_report_limit=shop.options.part_report_limit,
        running_states=running_states(machine),
        program_cv=machine.program_cv,
        programs=programs,
        variables=sorted(variables),
    )


def counter_in_use(profile: Profile, program: str | None) -> str:
    """The counter that makes cycles while this program is loaded."""
    known = profile.programs.get(program) if program is not None else None
    return known.counter if known else PART_COUNT


def counting_variables(profile: Profile) -> set[str]:
    """Names of the variables that count for some program."""
    return {program.counter for program in profile.programs.values()} - {PART_COUNT}


def selected_program(profile: Profile, variables: dict[int, float]) -> str | None:
    """The file name of the program that the variable selects, whatever name is reported. None: it selects none."""
    value = variables.get(profile.program_cv) if profile.program_cv is not None else None
    if value is not None:
        for filename, program in profile.programs.items():
            if program.load_by_var_value is not None and program.load_by_var_value == value:
                return filename
    return None

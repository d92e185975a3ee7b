"""The assemblies of the 5-axis mill that stand in it whatever it makes."""

from taktledger.demo.specs import AssemblySpec, ToolSpec

SHARED = (
    AssemblySpec(
        location=1,
        name="Face mill 40",
        tools=(
            ToolSpec(name="Face mill body 40", item="Face mill body 40, 4 inserts"),
            ToolSpec(
                name="Milling insert 10 mm",
                item="Milling insert ONMU 05",
                tags=("aluminium", "cast iron"),
                notes="Four in the body, eight corners each.",
                slots=4,
                parts=330,
                warn=30,
                lives={"Knuckle": 240},
                checklist=("Seats wiped clean", "Screws at 3.5 N·m", "Length measured again"),
                picture="octagon",
            ),
        ),
        stick_out=40.0,
    ),
    AssemblySpec(
        location=8,
        name="Touch probe",
        tools=(
            ToolSpec(name="Probe body 3", item="Touch probe, radio", tags=("measuring",), calibrated=True),
            ToolSpec(name="Probe battery", item="Battery 1/2 AA 3.6 V", tags=("measuring",), days=20, warn=3, slots=2),
            ToolSpec(
                name="Ruby stylus 3",
                item="Stylus M4, ruby 3",
                tags=("measuring",),
                notes="Calibrate at each changeover.",
            ),
        ),
        notes="Measures the bore of every part.",
    ),
    AssemblySpec(
        location=9,
        name="Chamfer mill, ball",
        holder="Shrink-fit chuck 8",
        tools=(
            ToolSpec(
                name="Deburring ball 6",
                item="Deburring ball 6",
                tags=("aluminium", "cast iron"),
                parts=1300,
                warn=120,
            ),
        ),
        stick_out=32.0,
    ),
    AssemblySpec(
        location=17,
        name="Spot drill 90°",
        holder="Collet chuck ER25",
        tools=(
            ToolSpec(name="Spot drill 10 90°", item="Spot drill 10 90°", tags=("cast iron",), parts=2000, warn=180),
        ),
        stick_out=32.0,
    ),
    AssemblySpec(
        location=None,
        name="Coolant unit",
        tools=(
            ToolSpec(name="Coolant filter, 5-axis", item="Coolant filter 25 µm", days=7, warn=1, notes="Cast iron."),
        ),
        notes="Behind the pallet changer.",
    ),
)

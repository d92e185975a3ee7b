"""The assemblies of mill 1 that stand in it whatever it makes."""

from taktledger.demo.specs import AssemblySpec, ToolSpec

SHARED = (
    AssemblySpec(
        location=1,
        name="Face mill 50",
        tools=(
            ToolSpec(name="Face mill body 50", item="Face mill body 50, 5 inserts"),
            ToolSpec(
                name="Milling insert 11 mm",
                item="Milling insert SEKT 11",
                tags=("aluminium", "steel"),
                notes="Five in the body, change all of them.",
                slots=5,
                parts=750,
                warn=75,
                lives={"Manifold": 320},
                checklist=("Seats wiped clean", "Screws at 3.5 N·m", "Length measured again"),
                picture="square",
            ),
        ),
        stick_out=45.0,
    ),
    AssemblySpec(
        location=7,
        name="Chamfer mill 90°",
        holder="Collet chuck ER25",
        tools=(
            ToolSpec(
                name="Chamfer mill 10 90°",
                item="Chamfer mill 10 90°",
                tags=("aluminium", "steel"),
                parts=2200,
                warn=200,
            ),
        ),
        stick_out=28.0,
    ),
    AssemblySpec(
        location=9,
        name="Edge finder",
        tools=(ToolSpec(name="Edge finder 10", tags=("measuring",)),),
        notes="For setting up by hand, 500 rpm at most.",
    ),
    AssemblySpec(
        location=10,
        name="Touch probe",
        tools=(
            ToolSpec(name="Probe body 1", item="Touch probe, infrared", tags=("measuring",), calibrated=True),
            ToolSpec(name="Probe battery", item="Battery 1/2 AA 3.6 V", tags=("measuring",), days=25, warn=3, slots=2),
            ToolSpec(
                name="Ruby stylus 4", item="Stylus M4, ruby 4", tags=("measuring",), notes="Calibrate every Monday."
            ),
        ),
        notes="Never turn the spindle on with it.",
    ),
    AssemblySpec(
        location=11,
        name="Spot drill 90°",
        holder="Collet chuck ER25",
        tools=(
            ToolSpec(name="Spot drill 10 90°", item="Spot drill 10 90°", tags=("aluminium",), parts=3200, warn=300),
        ),
        stick_out=32.0,
    ),
    AssemblySpec(
        location=None,
        name="Coolant unit",
        tools=(ToolSpec(name="Coolant filter, mill 1", item="Coolant filter 25 µm", days=10, warn=2),),
        notes="Beside the chip conveyor.",
    ),
)

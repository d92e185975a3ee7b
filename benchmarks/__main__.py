"""`python -m benchmarks [NAME …]`: all benchmarks or these, as a Markdown table."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.append import append_batch, append_single, writer_groups
from benchmarks.edge import edge_backlog, edge_machines
from benchmarks.holds import hold_schedules
from benchmarks.measure import HEADER, machine_facts
from benchmarks.reading import changed_list, overview
from benchmarks.rebuild import rebuild, rebuild_memory
from benchmarks.serving import http
from benchmarks.tooling import tool_cycles, tool_lives

BENCHMARKS = {
    each.__name__: each
    for each in (
        append_single,
        append_batch,
        writer_groups,
        rebuild,
        rebuild_memory,
        overview,
        changed_list,
        tool_cycles,
        tool_lives,
        hold_schedules,
        edge_machines,
        edge_backlog,
        http,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--dir", type=Path, help="where to write: on a disk whose figures you want (default: $TMPDIR)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    with tempfile.TemporaryDirectory(prefix="taktledger-benchmarks-", dir=options.dir) as made:
        scratch = Path(made)
        print(machine_facts(scratch), end="\n\n")
        print(HEADER, flush=True)
        for name, benchmark in BENCHMARKS.items():
            if name in (options.names or BENCHMARKS):
                for figure in benchmark(scratch):
                    print(figure.row(), flush=True)


if __name__ == "__main__":
    main()

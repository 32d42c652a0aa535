"""`planaria verify`: every update of a recorded run computed again. Changes nothing."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli.options import exit_code, json_option, show_json


@click.command(short_help="Compute every update of a recorded run again.")
@click.argument("run", metavar="RUN")
@json_option
def verify(run: str, as_json: bool) -> int:
    """Compute every update of RUN again, each input taken from the record of the cell that said it.

    \b
    planaria run lizard --record --for 200
    planaria verify latest

    0: all agree, but for what faults in the run's log explain. 1: something differs, or the recording is damaged.
    3: nothing differs, but some updates cannot be computed, because records are missing.
    """
    from coordinator import locate
    from coordinator.opening import copy_of_rule
    from coordinator.verify import verify as verify_folder

    folder = locate.find(run)
    found = verify_folder(folder, copy_of_rule(folder))
    if as_json:
        show_json(
            {
                "verdict": found.verdict,
                "updates": found.updates,
                "recomputed": found.recomputed,
                "gaps": found.gaps,
                "declared": found.declared,
                "mismatches": found.mismatches,
                "first_mismatch": found.first_mismatch,
                "declared_by": found.declared_by,
                "closed": found.closed,
                "exact": found.exact,
                "from_t": round(found.t[0], 3),
                "to_t": round(found.t[1], 3),
                "folder": str(folder.path),
            }
        )
        return exit_code(found.verdict)
    how = "to the bit" if found.exact else "within the tolerance of another machine"
    click.echo(
        f"{found.verdict}: {found.recomputed} of {found.updates} updates computed again {how}, "
        f"t {found.t[0]:.1f} to {found.t[1]:.1f} T"
    )
    if not found.closed:
        click.echo("the recording was cut off, or goes on: verified up to its last whole chunk")
    if found.gaps:
        click.echo(f"{found.gaps} updates are not known: their records, or those of what they heard, are missing")
    for name, count in sorted(found.declared_by.items()):
        click.echo(f"{count} updates differ as declared by {name}")
    if found.first_mismatch is not None:
        click.echo(f"{found.mismatches} differences; the first: {told(found.first_mismatch)}")
    return exit_code(found.verdict)


def told(first: dict[str, Any]) -> str:
    """One difference in words."""
    if "cell" not in first:
        at = f" at byte {first['byte']}" if "byte" in first else ""
        return f"{first['file']}{at}: {first['why']}"
    who = (
        f"cell {first['cell']} (row {first['row']}, column {first['column']}), "
        f"incarnation {first['epoch']}.{first['life']}, sequence {first['sequence']}, t {first['t']:g} T"
    )
    if first["what"] == "heard":
        return f"{who}: says it heard {first['never_said']} from cell {first['speaker']} in {first['slot']}"
    if first["what"] == "given":
        return f"{who}: was given a state by no order in the log: {first['found']}"
    if first["what"] == "said":
        return f"{who}: said what was not its state, by no order in the log: {first['found']}"
    return f"{who}: expected {first['expected']}, found {first['found']}"

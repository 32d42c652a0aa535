"""`planaria bench`: measure on this machine what the documentation claims. May import coordinator.bench."""

from __future__ import annotations

import json
from pathlib import Path

import click

from coordinator.bench.registry import BENCHMARKS, Options, Row, run
from coordinator.cli.options import Grid, json_option, show_json
from firmware_sim.engines import ENGINE_NAMES


@click.command(short_help="Measure speed, memory, freshness and healing here.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--rule", default="lizard", show_default=True, help="What is run.")
@click.option("--grid", type=Grid(), default="40x40", show_default=True, metavar="HXW", help="Rows x columns.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINE_NAMES), help="May be repeated.")
@click.option("--interval", "interval_s", type=float, default=0.5, show_default=True, help="T in seconds.")
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="How many draws.")
@click.option(
    "--window",
    "window_s",
    type=float,
    default=60.0,
    show_default=True,
    help="`outage`, `hosts`, `soak`, `record`, `page`: seconds.",
)
@click.option(
    "--models",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="`article`, `published`: the models.",
)
@click.option("--viewers", type=click.IntRange(1, 128), default=100, show_default=True, help="`page`: at once.")
@click.option(
    "--large",
    type=Grid(),
    default="256x256",
    show_default=True,
    metavar="HXW",
    help="`page`, `patches --long`: that grid.",
)
@click.option(
    "--patch", type=Grid(), default="32x32", show_default=True, metavar="HXW", help="`patches --long`: of one process."
)
@click.option("--hosts", type=click.IntRange(1, 64), multiple=True, help="`patches --long`: on 1 and 4, or on these.")
@click.option("--alone", is_flag=True, help="`patches --long`: --large alone, at --interval.")
@click.option("--launch", type=click.Choice(["ray"]), default=None, help="`patches --long`: Ray starts several hosts.")
@click.option("--at", default="", metavar="ENDPOINT", help="`patches --long --launch`: where they find us.")
@click.option(
    "--keys", type=click.Path(path_type=Path, exists=True, file_okay=False), help="`patches --long --launch`: our keys."
)
@click.option("--processes", is_flag=True, help="`published`: in real processes, too.")
@click.option("--long", "long", is_flag=True, help="`attacks`: all; `patches`: up to --large, on --hosts.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON there as well.")
@json_option
def bench(
    names: tuple[str, ...],
    rule: str,
    grid: tuple[int, int],
    engines: tuple[str, ...],
    interval_s: float,
    seeds: int,
    window_s: float,
    models: Path | None,
    viewers: int,
    large: tuple[int, int],
    patch: tuple[int, int],
    hosts: tuple[int, ...],
    alone: bool,
    launch: str | None,
    at: str,
    keys: Path | None,
    processes: bool,
    long: bool,
    out: Path | None,
    as_json: bool,
) -> int:
    """Run the benchmarks NAME (default: update and virtual; `list` names all). Speeds are ratios measured side by side.

    \b
    planaria bench
    planaria bench swarm --engine chip
    planaria bench heal outage --json
    planaria bench published --models DOWNLOADS/webgl_models8
    """
    from coordinator.bench.machine import machine

    unknown = [name for name in names if name not in BENCHMARKS and name != "list"]
    if unknown:
        raise click.UsageError(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    if "list" in names:
        for name, line in BENCHMARKS.items():
            click.echo(f"{name:10s} {line}")
        return 0
    options = Options(
        rule=rule,
        grid=grid,
        engines=engines or ("numpy", "onnx", "chip"),
        update_engines=engines,
        interval_s=interval_s,
        seeds=tuple(range(1, seeds + 1)),
        window_s=window_s,
        models=models,
        viewers=viewers,
        large=large,
        patch=patch,
        hosts=hosts or (1, 4),
        alone=alone,
        launch=launch or "",
        at=at,
        keys=keys,
        processes=processes,
        long=long,
        say=lambda line: click.echo(f"  {line}", err=True),
    )
    results: dict[str, list[Row]] = {}
    for name in names or ("update", "virtual"):
        click.echo(f"{name}: {BENCHMARKS[name]}", err=True)
        results[name] = []
        for row in run(name, options):
            results[name].append(row)
            if not as_json:
                click.echo("  " + "  ".join(f"{key} {value}" for key, value in row.items()))
    found = {"machine": machine(), "results": results}
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(found, indent=1) + "\n")
    if as_json:
        show_json(found)
    return 0

"""Reads results with DuckDB, pandas and polars, and compares what they see.

    python3 -m venv venv && venv/bin/pip install -r crates/lab/check/requirements.txt
    forkful run race --world sim --replications 20 --out results
    forkful run race --world sim --trace trace.parquet
    venv/bin/python crates/lab/check/read_results.py results trace.parquet

Fails with the first difference between two readers, or between a table and its CSV twin or
the report.
"""

import json
import math
import sys
from pathlib import Path

import duckdb
import pandas
import polars

TABLES = ["runs", "blocks", "propagation", "reorgs", "nodes"]


def same(what, *values):
    """All readers see one value; sums of floats may differ in their last bits."""
    first = values[0]
    for other in values[1:]:
        if isinstance(first, float) or isinstance(other, float):
            equal = math.isclose(first, other, rel_tol=1e-9, abs_tol=1e-9)
        else:
            equal = first == other
        if not equal:
            sys.exit(f"{what}: the readers see {values}")
    return first


def total(column):
    """The sum of a column, or of the lengths of its texts; missing values count nothing."""
    column = column.dropna()
    if pandas.api.types.is_bool_dtype(column) or pandas.api.types.is_numeric_dtype(column):
        return float(column.astype("float64").sum())
    return float(column.astype(str).str.len().sum())


def check_file(path, csv=None):
    """Every column of a file, with every reader."""
    by_pandas = pandas.read_parquet(path)
    by_polars = polars.read_parquet(path)
    by_duckdb = duckdb.sql(f"SELECT * FROM '{path}'").df()
    columns = same(f"{path}: columns", list(by_pandas), by_polars.columns, list(by_duckdb))
    rows = same(f"{path}: rows", len(by_pandas), by_polars.height, len(by_duckdb))
    frames = [by_pandas, by_polars.to_pandas(), by_duckdb]
    if csv is not None:
        # Else pandas takes an empty column, or hashes of digits alone, for numbers.
        text = {name: str for name in columns if by_polars.schema[name] == polars.String}
        frames.append(pandas.read_csv(csv, dtype=text))
    for name in columns:
        what = f"{path}: {name}"
        same(f"{what}, missing values", *[int(frame[name].isna().sum()) for frame in frames])
        same(f"{what}, total", *[total(frame[name]) for frame in frames])
    print(f"{path}: {rows} rows, {len(columns)} columns, alike for every reader")
    return by_polars


def main():
    directory = Path(sys.argv[1])
    report = json.loads((directory / "report.json").read_text())
    tables = {
        name: check_file(directory / f"{name}.parquet", directory / f"{name}.csv")
        for name in TABLES
    }
    if "quantities" in report:
        same("runs", tables["runs"].height, report["runs"])
        stale = report["quantities"]["stale_rate"]["mean"]
        same("stale_rate", tables["runs"]["stale_rate"].mean(), stale)
        mined = report["quantities"]["blocks.mined"]["mean"] * report["runs"]
        reorgs = report["quantities"]["reorgs.count"]["mean"] * report["runs"]
    else:
        mined, reorgs = report["blocks"]["mined"], report["reorgs"]["count"]
    same("blocks", float(tables["blocks"].height), float(mined))
    same("reorgs", float(tables["reorgs"].height), float(reorgs))
    same("propagation", tables["propagation"].height, 6 * tables["blocks"].height)
    for trace in sys.argv[2:]:
        events = check_file(Path(trace))
        if not events["time_ns"].is_sorted():
            sys.exit(f"{trace}: not in the order of time")


main()

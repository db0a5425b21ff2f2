#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ratios.csv and spreads.csv of a folder as tables (ratios.md) and as a heat map (ratios.png, by gnuplot).

    tables.py FOLDER
"""

import csv
import math
import pathlib
import shutil
import subprocess
import sys

TIE = 0.05  # report.hpp's kTie


def load(folder):
    """The rows of ratios.csv, each with its quartiles from spreads.csv and its numbers as numbers."""
    with open(folder / "spreads.csv", newline="", encoding="utf-8") as file:
        spreads = {(row["cell"], row["isa"], row["contender"]): row for row in csv.DictReader(file)}
    with open(folder / "ratios.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in ("threads", "batch", "time", "features", "units"):
            row[name] = int(row[name])
        for name in ("ours_us", "peer_us", "ratio"):
            row[name] = float(row[name])
        threads = f"/threads:{row['threads']}" if row["threads"] > 1 else ""
        cell = (f"{row['workload']}/{row['scalar']}{threads}/B:{row['batch']}/T:{row['time']}/F:{row['features']}"
                f"/H:{row['units']}")
        spread = spreads[cell, row["isa"], row["peer"]]
        row["low"], row["high"] = float(spread["ratio_low"]), float(spread["ratio_high"])
    return rows


def groups(rows, *names):
    """The rows by the values of some columns, in the order of their first appearance."""
    found = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def mark(ratio):
    return "tie" if abs(ratio - 1) <= TIE else "faster" if ratio > 1 else "slower"


def cell_text(row):
    """Bold where we are slower, in italics where it is a tie."""
    around = {"tie": "*", "slower": "**", "faster": ""}[mark(row["ratio"])]
    return f"{around}{row['ratio']:.2f}{around} ({row['low']:.2f}-{row['high']:.2f})"


def table(header, lines):
    yield "| " + " | ".join(str(name) for name in header) + " |"
    yield "|" + " --- |" * len(header)
    for line in lines:
        yield "| " + " | ".join(str(part) for part in line) + " |"
    yield ""


def summary(rows):
    lines = []
    for (workload, scalar, threads, peer), some in groups(rows, "workload", "scalar", "threads", "peer").items():
        mean = math.exp(sum(math.log(row["ratio"]) for row in some) / len(some))
        counts = [sum(mark(row["ratio"]) == name for row in some) for name in ("faster", "tie", "slower")]
        worst = min(some, key=lambda row: row["ratio"])
        lines.append((workload, scalar, threads, peer, len(some), f"{mean:.2f}", *counts,
                      f"{worst['ratio']:.2f} at B = {worst['batch']}, H = {worst['units']}"))
    return table(("workload", "scalar", "threads", "peer", "cells", "geometric mean", "faster", "ties", "slower", "worst"),
                 lines)


def is_grid(rows):
    return len({row["batch"] for row in rows}) > 1 and all(row["features"] == row["units"] for row in rows)


def grid(rows, text):
    """A table of batch x units."""
    units = sorted({row["units"] for row in rows})
    cells = {(row["batch"], row["units"]): text(row) for row in rows}
    lines = [(batch, *(cells.get((batch, n), "") for n in units)) for batch in sorted({row["batch"] for row in rows})]
    return table(("B \\ H", *units), lines)


def shares(rows):
    with_share = [row for row in rows if row["share_of_roof"]]
    if with_share:
        yield "Share of the roof:\n"
        yield from grid(with_share, lambda row: f"{100 * float(row['share_of_roof']):.0f} %")


def listing(rows):
    """A line for each size, a column for each peer."""
    peers = list(groups(rows, "peer"))
    lines = []
    for size, some in groups(rows, "isa", "batch", "time", "features", "units").items():
        by_peer = {row["peer"]: cell_text(row) for row in some}
        share = some[0]["share_of_roof"]
        lines.append((*size, f"{some[0]['ours_us']:.4g}", f"{100 * float(share):.0f} %" if share else "",
                      *(by_peer.get(peer, "") for (peer,) in peers)))
    return table(("isa", "B", "T", "F", "H", "ours, us a call", "of the roof", *(peer for (peer,) in peers)), lines)


def markdown(rows):
    yield ("# Ratios\n\nTime of the peer / time of the library: above 1 the library is faster. Medians of interleaved "
           "rounds, and in brackets the quartiles. *Italics*: a tie, within 5 %. **Bold**: the library is slower. One "
           "thread unless more are named; those by the wall clock, the others in CPU time.\n")
    yield from summary(rows)
    for (workload, scalar, threads), some in groups(rows, "workload", "scalar", "threads").items():
        yield f"## {workload}, {scalar}" + (f", {threads} threads" if threads > 1 else "") + "\n"
        if not is_grid(some):
            yield from listing(some)
            continue
        for (isa,), of_isa in groups(some, "isa").items():
            yield from shares(of_isa)
            for (peer,), of_peer in groups(of_isa, "peer").items():
                yield f"{peer}, kernels {isa}:\n"
                yield from grid(of_peer, cell_text)


def panels(rows):
    """(title, rows) of each heat map: sequences of floats, by variant and peer."""
    for workload, variant in (("sequence", ""), ("sequence_reset_before", ", reset before")):
        some = [row for row in rows if row["workload"] == workload and row["scalar"] == "float"
                and row["threads"] == 1]
        for (peer,), of_peer in groups(some, "peer").items():
            if not peer.startswith("eigengru"):
                yield peer + variant, of_peer


def gnuplot_script(rows, png):
    """The colour is the logarithm of the ratio around 1, cut off at 1/2 and 2."""
    shown = list(panels(rows))
    batches, units = (sorted({row[name] for _, some in shown for row in some}) for name in ("batch", "units"))
    columns = max(1, math.ceil(len(shown) / 2)) if len(shown) > 2 else len(shown)
    lines = math.ceil(len(shown) / columns)
    yield f"set terminal pngcairo size {420 * columns},{60 + 430 * lines} font 'sans,10'"
    yield f"set output '{png}'"
    yield (f"set multiplot layout {lines},{columns} title "
           "'Time of the peer / time of Eigengru (blue: Eigengru is faster; white: a tie)'")
    yield "set palette defined (-1 '#b2182b', -0.07 '#f7f7f7', 0.07 '#f7f7f7', 1 '#2166ac')"
    yield "set cbrange [-1:1]; unset colorbox; unset key; set tics scale 0; set xlabel 'units'; set ylabel 'batch'"
    yield "set xtics (" + ", ".join(f"'{n}' {i}" for i, n in enumerate(units)) + ")"
    yield "set ytics (" + ", ".join(f"'{n}' {i}" for i, n in enumerate(batches)) + ")"
    yield f"set xrange [-0.5:{len(units) - 0.5}]; set yrange [{len(batches) - 0.5}:-0.5]"
    for title, some in shown:
        yield f"set title '{title}'"
        yield "$cells << END"
        for row in some:
            colour = max(-1, min(1, math.log2(row["ratio"])))
            yield f"{units.index(row['units'])} {batches.index(row['batch'])} {colour} {row['ratio']:.2f}"
        yield "END"
        yield ("plot $cells using 1:2:(0.5):(0.5):3 with boxxyerror fillstyle solid noborder linecolor palette, "
               "$cells using 1:2:4 with labels")
    yield "unset multiplot"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    rows = load(folder)
    (folder / "ratios.md").write_text("\n".join(markdown(rows)) + "\n", encoding="utf-8")
    print(f"{len(rows)} ratios: ratios.csv, ratios.md", end="")
    if not any(panels(rows)) or not shutil.which("gnuplot"):
        print("; skipped: ratios.png (no sequences were measured, or there is no gnuplot)")
        return
    subprocess.run(["gnuplot"], input="\n".join(gnuplot_script(rows, folder / "ratios.png")) + "\n", text=True,
                   check=True)
    print(", ratios.png")


if __name__ == "__main__":
    main()

"""What bench/neighbour measured: tables, a picture, and what was aimed at."""
import json
import statistics
import sys

from beside import NONE, QUARTER, THREE
from common import median, table
from picture import Picture, ours
from report import megabytes, number, percent, whole, with_range

TITLES = {NONE: "Nothing else running", QUARTER: "Beside a quarter of what the server bears",
          THREE: "Beside three quarters of what the server bears"}


def read_run(path):
    """What --json wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: not the --json of a run: {error}")


class Results:
    def __init__(self, run):
        self.figures = run["results"]

    def values(self, name, condition, *path):
        found = []
        for figures in self.figures:
            if (name is None or figures["strategy"] == name) and figures["condition"] == condition:
                for key in path:
                    figures = figures[key]
                found.append(figures)
        return found

    def middle(self, name, condition, *path):
        values = self.values(name, condition, *path)
        return median(values) if values else None

    def times(self, name, condition, which):
        """The application's percentile beside a strategy, of the same alone: the median of the runs' ratios."""
        pairs = zip(self.values(name, condition, "application", "during", which),
                    self.values(name, condition, "application", "before", which))
        found = [during / before for during, before in pairs]
        return median(found) if found else None

    def correlation(self):
        """Between the canary's p95 and the application's, over all runs and their time before."""
        pairs = [(figures["canary"][when], figures["application"][when]["p95"]) for figures in self.figures
                 if "canary" in figures for when in ("before", "during") if figures["canary"][when] is not None]
        return statistics.correlation(*zip(*pairs)) if len(pairs) > 2 else None


def speed_table(results, chosen, condition):
    rows = []
    for name, title in chosen:
        rows.append([title, with_range(results.values(name, condition, "rows_per_second"), whole),
                     with_range(results.values(name, condition, "heap_growth"), percent),
                     with_range(results.values(name, condition, "wal_bytes"), megabytes)])
    return table(["strategy", "rows/s", "heap growth", "WAL"], rows)


def felt_table(results, chosen, condition):
    def row(title, name, when):
        cells = [with_range(results.values(name, condition, "application", when, key)) for key in ("p50", "p95", "p99", "max")]
        return [title, *cells]
    rows = [[*row("no backfill", None, "before"), "", "", with_range(results.values(None, condition, "canary", "before")), ""]]
    for name, title in chosen:
        p95, p99 = results.times(name, condition, "p95"), results.times(name, condition, "p99")
        rows.append([*row(title, name, "during"), f"{number(p95)} x" if p95 else "-", f"{number(p99)} x" if p99 else "-",
                     with_range(results.values(name, condition, "canary", "during")),
                     str(sum(results.values(name, condition, "application", "errors")))])
    return table(["beside it", "p50, ms", "p95, ms", "p99, ms", "max, ms", "p95, of alone", "p99, of alone", "commit p95, ms",
                  "errors"], rows)


class Aims:
    """Rows of (aim, measured, wanted, reached); what was not measured has no row."""

    def __init__(self):
        self.rows = []

    def most(self, title, value, bound, unit=" x"):
        if value is not None:
            self.rows.append([title, f"{value:.2f}{unit}", f"at most {bound:g}{unit}", value <= bound])

    def least(self, title, value, bound, unit=" x"):
        if value is not None:
            self.rows.append([title, f"{value:.2f}{unit}", f"at least {bound:g}{unit}", value >= bound])

    def text(self):
        return table(["aim", "measured", "wanted", ""], [[*row[:3], "reached" if row[3] else "NOT REACHED"] for row in self.rows])


def ratio(one, two):
    return one / two if one is not None and two else None


def best_fixed(results, condition):
    """rows/s of the fastest fixed setting beside which the application was no slower than beside the default."""
    p99 = results.times("default", condition, "p99")
    found = [results.middle(name, condition, "rows_per_second") for name in ("tidemark1", "tidemark2")
             if p99 is not None and (results.times(name, condition, "p99") or p99 + 1) <= p99]
    return max(found, default=None)


def aims(results):
    out = Aims()
    for condition, p95, p99 in ((QUARTER, 1.5, 2), (THREE, None, 3)):
        if p95:
            out.most(f"{condition}: the application's p95, of alone", results.times("default", condition, "p95"), p95)
        out.most(f"{condition}: the application's p99, of alone", results.times("default", condition, "p99"), p99)
        speed = results.middle("default", condition, "rows_per_second")
        out.least(f"{condition}: rows/s, of the touching loop", ratio(speed, results.middle("touch", condition, "rows_per_second")), 2)
        out.least(f"{condition}: rows/s, of the best fixed setting that is felt no more", ratio(speed, best_fixed(results, condition)),
                  0.85)
        errors = results.values("default", condition, "application", "errors")
        if errors:
            out.most(f"{condition}: errors of the application", float(sum(errors)), 0, "")
    out.least("none: rows/s, of two fixed workers", ratio(results.middle("default", NONE, "rows_per_second"),
                                                         results.middle("tidemark2", NONE, "rows_per_second")), 0.95)
    cpu = ratio(results.middle("default", NONE, "client_cpu"), results.middle("default", NONE, "server_cpu"))
    out.most("CPU of the executor, of the server's", cpu and cpu * 100, 3, " %")
    peak = results.middle("default", NONE, "peak_kb")
    out.most("memory of the executor", peak and peak / 1024, 20, " MB")
    return out


def markdown(run):
    """The whole report, and whether every aim was reached."""
    results, chosen = Results(run), [tuple(pair) for pair in run["strategies"]]
    computer, settings = run["machine"], ", ".join(f"{key} = {value}" for key, value in run["settings"].items())
    parts = [f"{run['rows']:,} rows of pgbench_accounts. {computer['processor']}, {computer['cores']} cores, {computer['memory_gb']} GB of"
             f" memory, {computer['system']}. PostgreSQL {run['server']}, data on {run['filesystem']}; {settings}. Rounds:"
             f" {run['rounds']}; medians, smallest and largest in brackets.\n"]
    if run["rates"]["most"]:
        parts.append(f"The application: TPC-B over {run['clients']} connections. Alone the server bears {run['rates']['most']:,}"
                     f" transactions a second; a quarter is {run['rates'][QUARTER]:,}, three quarters {run['rates'][THREE]:,}.\n")
    for condition in (NONE, QUARTER, THREE):
        if not any(figures["condition"] == condition for figures in run["results"]):
            continue
        parts += [f"### {TITLES[condition]}\n", speed_table(results, chosen, condition)]
        if condition != NONE:
            parts.append(felt_table(results, chosen, condition))
    judged, correlation = aims(results), results.correlation()
    if correlation is not None:
        parts.append(f"Correlation between the p95 of the canary's commits and that of the application: {correlation:.2f}.\n")
    parts += ["### Aims\n", judged.text()] + [line + "\n" for line in run["notes"]]
    return "\n".join(parts), all(row[3] for row in judged.rows)


def draw(run):
    """How many times as long the application's p99 is beside each, and how fast each is."""
    results, chosen = Results(run), [(name, title.replace("`", "")) for name, title in run["strategies"]]
    picture = Picture("What an application feels of a backfill, and how fast the backfill is")
    for condition in (QUARTER, THREE):
        found = {name: results.times(name, condition, "p99") for name, _ in chosen}
        if not any(found.values()):
            continue
        most = max(value for value in found.values() if value)
        picture.panel(TITLES[condition] + ": p99 of the application", "times as long as alone; shorter is better")
        for name, label in chosen:
            if found[name]:
                picture.row(label, ours(name) or name in ("default", "gentle"), [found[name] / most], f"{found[name]:.1f} x")
        speed = {name: results.middle(name, condition, "rows_per_second") for name, _ in chosen}
        most = max(value for value in speed.values() if value)
        picture.panel(TITLES[condition] + ": rows a second", "longer is better")
        for name, label in chosen:
            if speed[name]:
                picture.row(label, ours(name) or name in ("default", "gentle"), [speed[name] / most], f"{speed[name]:,.0f}")
    return picture.svg()

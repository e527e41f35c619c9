"""What bench/sweep measured, as tables of Markdown, and the promises: those that this run could judge."""
from common import Table, median, table

IDLE, LOAD = "idle", "load"
TITLES = {IDLE: "Nothing else running", LOAD: "Beside an application"}
USUAL_ROWS = 2000000
# The application's p99 alone, median of a run against the least: above, others were at work, and it is no measure.
STEADY = 2


class Results:
    """Every single figure of a run, by strategy and condition."""

    def __init__(self, figures):
        self.figures = figures

    def values(self, name, condition, *path):
        found = []
        for figures in self.figures:
            if (name is None or figures["strategy"] == name) and figures["condition"] == condition:
                for key in path:
                    figures = (figures or {}).get(key)
                if figures is not None:
                    found.append(figures)
        return found

    def middle(self, name, condition, *path):
        """The median, None when it was not measured."""
        values = self.values(name, condition, *path)
        return median(values) if values else None

    def ratio(self, name, other, condition, *path):
        one, two = self.middle(name, condition, *path), self.middle(other, condition, *path)
        return one / two if one is not None and two else None

    def share_of(self, name, key, other):
        """One of a strategy's figures, of another one."""
        one, two = self.middle(name, IDLE, key), self.middle(name, IDLE, other)
        return one / two if one is not None and two else None

    def has(self, condition):
        return any(figures["condition"] == condition for figures in self.figures)


def number(value):
    """Two or three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def with_range(values, text=number):
    """The median, and between what it lies."""
    if not values:
        return "-"
    middle, least, most = (text(value) for value in (median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} to {most})"


def whole(value):
    return f"{value:,.0f}"


def percent(value):
    return f"{value * 100:+.1f} %"


def share(value):
    return f"{value * 100:.0f} %"


def megabytes(value):
    return f"{value / 1e6:,.0f} MB"


def work_table(results, chosen, condition):
    """Speed and what is left behind."""
    rows = []
    for name, title in chosen:
        ratio = results.ratio(name, "update", condition, "rows_per_second")
        wal = results.ratio(name, "update", condition, "wal_bytes")
        rows.append([
            title, with_range(results.values(name, condition, "rows_per_second"), whole), f"{ratio:.2f}" if ratio else "-",
            with_range(results.values(name, condition, "heap_growth"), percent),
            with_range(results.values(name, condition, "index_growth"), percent),
            with_range(results.values(name, condition, "wal_bytes"), megabytes), f"{wal:.2f}" if wal else "-",
            with_range(results.values(name, condition, "hot"), share),
            with_range(results.values(name, condition, "longest_ms")) + " ms"])
        if condition == LOAD:
            rows[-1].pop(-2)
    header = ["strategy", "rows/s", "of one UPDATE", "heap growth", "index growth", "WAL", "of one UPDATE", "HOT",
              "longest batch"]
    if condition == LOAD:
        header.remove("HOT")
    return table(header, rows)


def application_table(results, chosen):
    """Latency of the application, and what went wrong."""
    def row(title, name, when):
        values = {key: results.values(name, LOAD, "application", when, key) for key in ("p50", "p99", "max")}
        return [title, *(with_range(found) for found in values.values()),
                f"{number(median(values['p99']) / idle)} x" if values["p99"] and idle else "-"]

    idle = results.middle(None, LOAD, "application", "before", "p99")
    rows = [[*row("no backfill", None, "before")[:-1], "", ""]]
    if results.values(None, LOAD, "application", "busy", "p99"):
        rows.append([*row("no backfill, two processes that only count", None, "busy"), ""])
    for name, title in chosen:
        rows.append([*row(title, name, "during"), str(sum(results.values(name, LOAD, "application", "errors")))])
    return table(["during", "p50, ms", "p99, ms", "max, ms", "p99, of no backfill", "errors"], rows)


def usual(shape):
    """The table that speed and growth are promised for; indexes and more rows aside."""
    return (shape["fillfactor"], shape["width"], shape["key"]) == (100, Table.width, "bigint") and \
        shape["rows"] >= USUAL_ROWS


def at_least(value, bound, unit=""):
    return f"{value:.2f}{unit}", f"at least {bound:g}{unit}", value >= bound


def at_most(value, bound, text):
    return text(value), f"at most {text(bound)}", value <= bound


class Promises:
    """Rows of (promise, measured, wanted, kept); what was not measured has no row."""

    def __init__(self):
        self.rows = []

    def add(self, title, value, judge, *more):
        if value is not None:
            self.rows.append([title, *judge(value, *more)])

    def kept(self):
        return all(row[3] for row in self.rows)

    def text(self):
        return table(["promise", "measured", "wanted", ""],
                     [[*row[:3], "kept" if row[3] else "NOT KEPT"] for row in self.rows])


def small_promises(out, results):
    """What is promised for every table."""
    def below(value, bound, text):
        return text(value), f"under {text(bound)}", 0 < value < bound
    for name in ("tidemark1", "tidemark2"):
        out.add(f"{name}: client CPU, of the server's", results.share_of(name, "client_cpu", "server_cpu"), below, 0.05,
                lambda value: f"{value * 100:.1f} %")
        peak = results.middle(name, IDLE, "peak_kb")
        out.add(f"{name}: peak resident memory", peak and peak / 1024, below, 20, lambda value: f"{value:.1f} MB")
    idle = results.middle("tidemark2", IDLE, "finished")
    out.add("run on a finished plan", idle and idle * 1000, below, 50, lambda value: f"{value:.0f} ms")


def idle_promises(out, results, indexes):
    ratio = results.ratio
    if indexes == 0:
        out.add("primary key only: tidemark1 against one UPDATE", ratio("tidemark1", "update", IDLE, "rows_per_second"),
                at_least, 0.85, " x")
        return
    out.add("tidemark1 against one UPDATE", ratio("tidemark1", "update", IDLE, "rows_per_second"), at_least, 1.6, " x")
    out.add("tidemark2 against one UPDATE", ratio("tidemark2", "update", IDLE, "rows_per_second"), at_least, 2.6, " x")
    out.add("tidemark2 against the touching loop", ratio("tidemark2", "touch", IDLE, "rows_per_second"), at_least, 3, " x")
    for name in ("tidemark1", "tidemark2"):
        out.add(f"{name}: heap growth", results.middle(name, IDLE, "heap_growth"), at_most, 0.22, percent)
        out.add(f"{name}: index growth", results.middle(name, IDLE, "index_growth"), at_most, 0.16, percent)
        out.add(f"{name}: WAL, of one UPDATE's", ratio(name, "update", IDLE, "wal_bytes"), at_most, 0.6, number)


def unsteady(alone):
    return bool(alone) and median(alone) > STEADY * min(alone)


def load_promises(out, results):
    """A line about what could not be judged, or ""."""
    told = ""
    out.add("tidemark2 against the keyset loop, both under load",
            results.ratio("tidemark2", "keyset", LOAD, "rows_per_second"), at_least, 2, " x")
    alone = results.values(None, LOAD, "application", "before", "p99")
    during = results.middle("tidemark2", LOAD, "application", "during", "p99")
    if unsteady(alone):
        told = (f"The application alone had a p99 of {number(min(alone))} to {number(max(alone))} ms, {number(median(alone))}"
                " in the median: others were running. Its p99 beside tidemark is not judged by that.\n")
    elif alone and during:
        out.add("tidemark2: the application's p99, of its p99 alone", during / median(alone), at_most, 4,
                lambda value: f"{value:.2f} x")
    out.add("tidemark2: the application's longest transaction",
            results.middle("tidemark2", LOAD, "application", "during", "max"), at_most, 25, lambda value: f"{value:.1f} ms")
    return told


def size_promises(out, results, earlier, rows):
    """Against an earlier run on a table of another size."""
    for name in ("tidemark1", "tidemark2"):
        for key, title, bound in (("rows_per_second", "rows/s", 0.15), ("peak_kb", "peak memory", 0.1)):
            here, there = results.middle(name, IDLE, key), earlier.middle(name, IDLE, key)
            if here and there:
                out.add(f"{name}: {title} of {rows:,} rows, against the earlier run", abs(here / there - 1), at_most, bound,
                        lambda value: f"{value * 100:.0f} % off")


def promises(results, shape, earlier=None):
    """Those that this run could judge, and a line about the others."""
    out = Promises()
    small_promises(out, results)
    told = ""
    if not usual(shape):
        told = (f"Speed, growth and latency are promised for {USUAL_ROWS:,} rows or more of the usual table, and are not"
                " judged here.\n")
    elif shape["indexes"] in (0, Table.indexes):
        idle_promises(out, results, shape["indexes"])
    if usual(shape) and shape["indexes"] == Table.indexes:
        told += load_promises(out, results)
    if earlier is not None:
        size_promises(out, results, earlier, shape["rows"])
    return out, told


def described(run):
    """The machine and the server, without naming the machine."""
    machine, settings = run["machine"], ", ".join(f"{key} = {value}" for key, value in run["settings"].items())
    lines = [
        f"{run['table']['text']}.",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB of memory, {machine['system']}."
        f" PostgreSQL {run['server']}, data on {run['filesystem']}; {settings}."
        f" Rounds: {run['rounds']}; medians, smallest and largest in brackets."]
    if run["load"]:
        lines.append(f"The application: pgbench, {run['load']['rate']:,} transactions a second, {run['load']['reads']} %"
                     f" reads of a row, the others updates of a row, {run['load']['clients']} connections.")
    return lines


def markdown(run, results, judged, told):
    """The whole report."""
    chosen = [tuple(pair) for pair in run["strategies"]]
    parts = ["\n\n".join(described(run)) + "\n"]
    for condition in (IDLE, LOAD):
        if results.has(condition):
            parts.append(f"### {TITLES[condition]}\n")
            parts.append(work_table(results, chosen, condition))
    if results.has(LOAD):
        parts.append("### Latency of the application\n")
        parts.append(application_table(results, chosen))
    parts.append("### Promises\n")
    if judged.rows:
        parts.append(judged.text())
    if told:
        parts.append(told)
    parts += [line + "\n" for line in run["notes"]]
    return "\n".join(parts)


def replace_between(page, begin, end, text):
    """The page with what stands between two comments replaced."""
    head, found, rest = page.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"the page has no part between {begin} and {end}")
    return f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}"

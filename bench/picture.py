"""The figures of bench/sweep as bars, in plain SVG that is readable on light and on dark."""
import math
from html import escape

from report import IDLE, LOAD, number, percent

WIDTH, LABEL, BAR, TEXT = 860, 300, 380, 12
LINE, THICK = 24, 14
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.note { fill: #57606a; font-size: 12px }
.other { fill: #8c959f }
.ours { fill: #0969da }
.second { fill-opacity: .55 }
.range { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note { fill: #9198a1 } .other { fill: #6e7681 } .ours { fill: #58a6ff } .range { stroke: #e6edf3 }
}
"""


class Picture:
    def __init__(self, title):
        self.parts, self.y, self.title = [], 8, title

    def text(self, x, text, kind=None, anchor="start"):
        style = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{x:.0f}" y="{self.y}"{style} text-anchor="{anchor}">{escape(text)}</text>')

    def panel(self, title, note):
        self.y += 30
        self.text(0, title, "title")
        self.text(WIDTH, note, "note", "end")
        self.y += LINE

    def bar(self, y, height, length, kind):
        self.parts.append(f'<rect x="{LABEL}" y="{y:.0f}" width="{max(length, 1):.1f}" height="{height}" rx="2"'
                          f' class="{kind}"/>')

    def row(self, label, ours, bars, text, spread=None):
        """bars: lengths, 0 to 1, one below the other in one line; spread: the ends of a range."""
        self.text(LABEL - 10, label, None, "end")
        height = THICK / len(bars)
        for i, length in enumerate(bars):
            kind = ("ours" if ours else "other") + (" second" if i else "")
            self.bar(self.y - 11 + i * height, height - (1 if len(bars) > 1 else 0), length * BAR, kind)
        if spread and spread[0] < spread[1]:
            left, right = (LABEL + end * BAR for end in spread)
            self.parts.append(f'<path d="M{left:.1f} {self.y - 7}V{self.y - 1}M{left:.1f} {self.y - 4}H{right:.1f}'
                              f'M{right:.1f} {self.y - 7}V{self.y - 1}" class="range"/>')
        self.text(LABEL + max(bars + list(spread or [])) * BAR + TEXT, text)
        self.y += LINE

    def svg(self):
        height = self.y + 8
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
                f' viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(self.title)}">\n'
                f'<style>{STYLE}</style>\n' + "\n".join(self.parts) + "\n</svg>\n")


def ours(name):
    return name.startswith("tidemark")


def speed(picture, results, chosen, condition, title):
    values = {name: results.values(name, condition, "rows_per_second") for name, _ in chosen}
    most = max(max(found) for found in values.values() if found)
    picture.panel(title, "median and range; longer is better")
    for name, label in chosen:
        if values[name]:
            middle = results.middle(name, condition, "rows_per_second")
            picture.row(label, ours(name), [middle / most], f"{middle:,.0f}",
                        (min(values[name]) / most, max(values[name]) / most))


def growth(picture, results, chosen):
    both = {name: [results.middle(name, IDLE, key) for key in ("heap_growth", "index_growth")] for name, _ in chosen}
    most = max(max(pair) for pair in both.values() if pair[0] is not None) or 1
    picture.panel("Growth of the table (above) and of its indexes (below)", "shorter is better")
    for name, label in chosen:
        if both[name][0] is not None:
            picture.row(label, ours(name), [max(value, 0) / most for value in both[name]],
                        " / ".join(percent(value) for value in both[name]))


def wal(picture, results, chosen):
    values = {name: results.middle(name, IDLE, "wal_bytes") for name, _ in chosen}
    most = max(value for value in values.values() if value is not None)
    picture.panel("WAL", "MB; shorter is better")
    for name, label in chosen:
        if values[name] is not None:
            picture.row(label, ours(name), [values[name] / most], f"{values[name] / 1e6:,.0f}")


def latency(picture, results, chosen):
    """Logarithmic: from a tenth of a millisecond on."""
    def pair_of(name, when):
        return [results.middle(name, LOAD, "application", when, key) for key in ("p99", "max")]
    rows = [("no backfill", False, pair_of(None, "before")), ("two processes that count", False, pair_of(None, "busy"))]
    rows += [(label, ours(name), pair_of(name, "during")) for name, label in chosen]
    rows = [row for row in rows if row[2][0] is not None]
    most = math.log10(max(pair[1] for _, _, pair in rows) * 10)
    picture.panel("Latency of the application: p99 (above) and longest (below)", "ms, logarithmic; shorter is better")
    for label, own, pair in rows:
        picture.row(label, own, [max(math.log10(value * 10), 0) / most for value in pair],
                    " / ".join(number(value) for value in pair))


def draw(run, results):
    chosen = [(name, title.replace("`", "")) for name, title in run["strategies"]]
    picture = Picture("Filling a new column: rows a second, growth, WAL and latency of the application")
    if results.has(IDLE):
        speed(picture, results, chosen, IDLE, "Rows a second")
        growth(picture, results, chosen)
        wal(picture, results, chosen)
    if results.has(LOAD):
        speed(picture, results, chosen, LOAD, "Rows a second, beside an application")
        latency(picture, results, chosen)
    return picture.svg()

"""The table at the end: what was measured, and whether it is as promised."""
import time

from traffic import percentiles

FELT = 3                   # times the p99 that it had before
LOCK_BUDGET = 0.3          # lock_timeout of the plan and 100 ms

SWEEP = """
SELECT sum(s.changed)::bigint, extract(epoch FROM p.ended - p.started)::float8
  FROM tidemark.phase p JOIN tidemark.run r ON r.id = p.run
  JOIN tidemark.segment s ON s.run = p.run
 WHERE p.kind = 'backfill' AND r.plan = %s GROUP BY p.started, p.ended
"""
OWN_WAIT = "SELECT coalesce(max(lock_wait), 0) FROM tidemark.history WHERE plan = %s"


def milliseconds(values):
    return "   ".join(f"{value * 1000:7.2f}" for value in values) if values else "no transaction"


class Summary:
    def __init__(self, demo):
        self.demo = demo
        self.good, self.slow = True, False

    def row(self, label, value, holds=None):
        verdict = "" if holds is None else "ok" if holds else "NOT AS PROMISED"
        if holds is False:
            self.good = False
        print(f"  {label:<42} {value:<34} {verdict}".rstrip(), flush=True)

    def latency(self, label, transactions, span, before=None):
        """Not ok when the p99 is more than FELT times that of `before`: what does not fail the demo, for other programs on the machine
        do it too. Percentiles."""
        window = [seconds for at, seconds in transactions if span[0] <= at < span[1]]
        found = percentiles(window)
        if before and found and found[-1] > FELT * before[-1]:
            self.slow = True
            print(f"  {label:<42} {milliseconds(found):<34} not ok: p99 is {found[-1] / before[-1]:.1f} times that before", flush=True)
        else:
            self.row(label, milliseconds(found), bool(window))
        return found

    def show(self):
        demo, marks = self.demo, self.demo.marks
        old, new = demo.old.transactions(), demo.new.transactions()
        rows, seconds = demo.server.sql(SWEEP, (demo.plan_name,), demo.database)[0]
        own_wait = demo.server.sql(OWN_WAIT, (demo.plan_name,), demo.database)[0][0]
        errors = demo.old.complaints + demo.new.complaints
        print("\nSummary\n", flush=True)
        self.row("rows of the table", f"{demo.rows:,}")
        self.row("rows filled by the sweep", f"{rows:,}", rows > 0)
        self.row("seconds of the backfill", f"{seconds:.1f}")
        self.row("rows/s of the backfill", f"{rows / seconds:,.0f}")
        self.row("seconds of the rollback from the hold", f"{demo.back_seconds:.2f}", demo.back_seconds < 2)
        who = f" ({demo.watch.who} release)" if demo.watch.who else ""
        self.row("longest lock wait of the application", f"{demo.watch.longest * 1000:.0f} ms{who}", demo.watch.longest < LOCK_BUDGET)
        self.row("longest lock wait of tidemark", f"{own_wait * 1000:.0f} ms")
        self.row("application transactions", f"{len(old) + len(new):,}")
        self.row("application errors", str(len(errors)), not errors)
        print(f"  {'application latency':<42} {'p50':>7}   {'p95':>7}   {'p99':>7}  ms")
        before = self.latency("  old release, before", old, (marks["before"], marks["during"]))
        self.latency("  old release, expand, backfill, verify", old, (marks["during"], marks["gate"]), before)
        self.latency("  old release, both running", old, (marks["both"], marks["both end"]), before)
        self.latency("  new release, both running", new, (marks["both"], marks["both end"]), before)
        self.row("rows that differ (old and new column)", str(demo.mismatches), demo.mismatches == 0)
        sums = [int(value) for value in demo.sums]
        self.row("accounts = tellers = branches = history", " = ".join(f"{value:,}" for value in sorted(set(sums))),
            len(set(sums)) == 1)
        self.row("columns and triggers left over", str(demo.leftovers), demo.leftovers == 0)
        if demo.watch.failure or demo.watch.looks == 0:
            self.row("lock watch", demo.watch.failure or "never looked", False)
        self.row("seconds in total", f"{time.time() - demo.started:.0f}")
        for error in errors[:10]:
            print("  " + error)
        promised = "Everything is as promised" + (", but the application was slower than it should be." if self.slow else ".")
        print("\n" + (promised if self.good else "The demo failed: see the table."), flush=True)
        return self.good

"""Plan files as texts.

    plans.rename("public.items", "qty", "quantity", "integer", name="p")
    plans.plan("p", "public.items", [{"kind": "drop_not_null", "column": "qty"}], lease="2s")

Names are given as they are in the catalog; they are quoted here.
"""
import json


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + " }"
    # JSON's escapes are TOML's, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def plan(name, table, phases, head=None, **limits):
    lines = [f"name = {toml(name)}", f"table = {toml(table)}"]
    lines += [f"{key} = {toml(value)}" for key, value in (head or {}).items()]
    if limits:
        lines += ["", "[limits]"]
        lines += [f"{key} = {toml(value)}" for key, value in limits.items()]
    for phase in phases:
        lines += ["", "[[phase]]"]
        lines += [f"{key} = {toml(value)}" for key, value in phase.items() if value is not None]
    return "\n".join(lines) + "\n"


def rename_phases(old, new, column_type, hold=None, up=None, down=None, rate=None, other_triggers=None, fill=None,
                  **gates):
    """The six phases of a rename. Keywords like switch="manual" give a phase a gate; other_triggers and what `fill` has are keys
    of the backfill."""
    phases = [
        {"kind": "add_column", "column": ident(new), "type": column_type},
        {"kind": "dual_write", "from": ident(old), "to": ident(new), "up": up, "down": down},
        {"kind": "backfill", "max_rows_per_second": rate, "other_triggers": other_triggers, **(fill or {})},
        {"kind": "verify"},
        {"kind": "switch"},
        {"kind": "drop_column", "column": ident(old), "hold": hold},
    ]
    for phase in phases:
        if phase["kind"] in gates:
            phase["gate"] = gates[phase["kind"]]
    return phases


PHASES = ["add_column", "dual_write", "backfill", "verify", "switch", "drop_column"]


def rename(table, old, new, column_type, name="rename", limits=None, head=None, **more):
    return plan(name, table, rename_phases(old, new, column_type, **more), head=head, **(limits or {}))

#!/usr/bin/python3
"""Compares the user documentation with the tables in the code that the program itself reads.

Usage: check_docs.py [root of the tree]
One line for each finding, `file: what`; exit 1 when there is any.

- Each kind in phases/kinds has a page with a table of exactly its keys: type, default and choices agree.
- Each key of a plan, of [limits] and of a gate is in docs/plans.md, with type, default and range.
- Each kind is linked from README.md and docs/plans.md.
- Each rule that a check may report is explained on some page, and no page explains one that is gone.
- Each verb and option of the command line is in docs/cli.md; each exit status in docs/errors.md.
- Relative links lead to files and headings that exist; absolute paths of some machine do not occur.
"""
import os
import re
import sys

TYPES = {
    "TEXT": "text", "NAME": "name", "RELATION": "table name", "NAMES": "name or list of names",
    "EXPRESSION": "SQL expression", "ASSIGNMENTS": "table of column = expression", "SQL": "statement or list of statements",
    "TYPE": "SQL type", "DURATION": "duration", "SIZE": "size", "INTEGER": "whole number", "BOOLEAN": "true or false",
    "CHOICE": "choice", "PARAMETERS": "table of", "DOWN": "expression or table", "TEXTS": "text or list of texts",
    "QUERY": "SELECT",
}
SEVERITY = r"TIDE_(?:ERROR|WARNING|NOTE)"
RULE = r'"([a-z0-9]+(?:-[a-z0-9]+)+)"'
PLACES = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|usr/lib/postgresql|var/lib)/")


class Field:
    def __init__(self, key, kind, rest):
        self.key = key
        self.type = TYPES[kind]
        self.required = ".required = true" in rest
        fallback = re.search(r'\.fallback = "([^"]*)"', rest)
        self.fallback = fallback.group(1) if fallback else None
        choices = re.search(r"\.choices = (\w+)", rest)
        self.choices = choices.group(1) if choices else None
        self.range = [int(n) for n in re.findall(r"\.(?:min|max) = (\d+)\b(?!\))", rest)]


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def read_fields(text):
    """Rows of a field table: TIDE_KEY(spec, key, TYPE, …), a macro of a file with (key, TYPE, …), and plain initialisers."""
    found = []
    calls = r"(?:TIDE_KEY\(\s*(?!tide_\w+, key,)\w+,\s*|\b(?:TOP|LIMIT|GATE)\((?!key,)\s*)(\w+),\s*([A-Z]+)\b((?:[^()\"]|\"(?:[^\"\\]|\\.)*\"|\([^()]*\))*)\)"
    plain = r"\{ \"(\w+)\", TIDE_FIELD_([A-Z]+), offsetof\([^)]*\),?((?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*)\}"
    for pattern in (calls, plain):
        for match in re.finditer(pattern, text):
            found.append(Field(*match.groups()))
    return found


def read_shared(text):
    """Rows that several tables have, `#define TIDE_KEY_NAME(spec) TIDE_KEY(…)`: name → text."""
    found = re.finditer(r"#define (TIDE_KEY_\w+)\(spec\)((?:[^\n]*\\\n)*[^\n]*)", text)
    return {match[1]: match[2].replace("\\\n", " ") for match in found}


def read_choices(text, name):
    match = re.search(r"\*const %s\[\] = \{(.*?)\}" % name, text, re.S)
    return re.findall(r'"([^"]*)"', match.group(1)) if match else []


def read_table(text):
    """Rows of the tables that are headed `| key | type | default |`: key → cells."""
    rows, inside = {}, False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| key |") and cells[:3] == ["key", "type", "default"]:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(line) <= set("|- "):
            rows[cells[0].strip("`")] = cells
    return rows


def heading_anchor(title):
    title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title.strip()).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


class Check:
    def __init__(self, root):
        self.root = root
        self.findings = []

    def say(self, name, fmt, *args):
        self.findings.append("%s: %s" % (name, fmt % args))

    def read(self, name):
        try:
            with open(os.path.join(self.root, name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            self.say(name, "is missing")
            return ""

    def code(self, name):
        """A source without comments, in which shared rows are written out."""
        shared = read_shared(self.read("include/tidemark/plans/plan.h"))
        return re.sub(r"\b(TIDE_KEY_\w+)\(\w+\)", lambda match: shared[match[1]], strip_comments(self.read(name)))

    def names(self, folder, ending):
        path = os.path.join(self.root, folder)
        found = os.listdir(path) if os.path.isdir(path) else []
        return sorted(folder + "/" + name for name in found if name.endswith(ending))

    def names_below(self, folder, ending):
        found = [self.names(os.path.relpath(path, self.root), ending) for path, _, _ in os.walk(os.path.join(self.root, folder))]
        return sorted(sum(found, []))

    def pages(self):
        top = [name for name in self.names(".", ".md")]
        return [name[2:] for name in top] + self.names("docs", ".md") + self.names("docs/phases", ".md")

    def check_field(self, page, rows, field, code):
        cells = rows.get(field.key)
        if cells is None:
            self.say(page, "key `%s` is not in the table of keys", field.key)
            return
        row = " | ".join(cells)
        if field.type not in row:
            self.say(page, "key `%s`: the type is '%s'", field.key, field.type)
        if field.required != (cells[2] == "required"):
            self.say(page, "key `%s` is %s", field.key, "required" if field.required else "not required")
        if field.fallback is not None and cells[2] != "`%s`" % field.fallback:
            self.say(page, "key `%s`: the default is `%s`", field.key, field.fallback)
        for choice in read_choices(code, field.choices) if field.choices else []:
            if "`%s`" % choice not in row:
                self.say(page, "key `%s` may also be `%s`", field.key, choice)
        if "whole number" in field.type:
            for number in field.range:
                if not re.search(r"\b%d\b" % number, row):
                    self.say(page, "key `%s`: the range has %d", field.key, number)

    def check_kinds(self):
        kinds = self.names("phases/kinds", ".c")
        if not kinds:
            self.say("phases/kinds", "holds no kind")
        for name in kinds:
            kind = os.path.basename(name)[:-2]
            page = "docs/phases/%s.md" % kind
            code = self.code(name)
            rows = read_table(self.read(page))
            fields = read_fields(code)
            for field in fields:
                self.check_field(page, rows, field, code)
            for key in rows.keys() - {field.key for field in fields}:
                self.say(page, "there is no key `%s`", key)
            for index in ("README.md", "docs/plans.md"):
                if "phases/%s.md" % kind not in self.read(index):
                    self.say(index, "does not lead to %s", page)
        for page in self.names("docs/phases", ".md"):
            if "phases/kinds/%s.c" % os.path.basename(page)[:-3] not in kinds:
                self.say(page, "there is no such kind")

    def check_plans(self):
        page, known = "docs/plans.md", {"limits", "phase", "gate"}
        rows = read_table(self.read(page))
        for name in ("plans/plan/plan.c", "plans/plan/limits.c", "plans/plan/gate_field.c"):
            code = self.code(name)
            fields = read_fields(code)
            if not fields:
                self.say(name, "no table of keys was found")
            for field in fields:
                known.add(field.key)
                self.check_field(page, rows, field, code)
        for key in rows.keys() - known:
            self.say(page, "there is no key `%s`", key)

    def check_rules(self):
        rules, prefixes = set(), set()
        for folder in ("phases", "plans", "orchestrator/cli"):
            for name in self.names_below(folder, ".c"):
                code = strip_comments(self.read(name))
                rules |= set(re.findall(SEVERITY + r",\s*" + RULE, code))
                rules |= set(re.findall(r"TIDE_FATE_(?:REFUSED|WARNED),\s*" + RULE, code))
                rules |= set(re.findall(r"TIDE_SQL_\w+,\s*%s,\s*(?:true|false),\s*%s" % (SEVERITY, RULE), code))
        prefixes = {rule.split("-")[0] for rule in rules}
        text = {page: self.read(page) for page in self.pages()}
        told = {page: set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", body)) for page, body in text.items()}
        everywhere = set().union(*told.values()) if told else set()
        for rule in sorted(rules - everywhere):
            self.say("docs", "rule `%s` is explained nowhere", rule)
        for page in self.names("docs/phases", ".md"):
            body = text[page].split("## What it refuses", 1)[-1].split("\n## ", 1)[0]
            for rule in set(re.findall(r"^\| (`.*?) \|", body, re.M)):
                for one in re.findall(r"`([^`]+)`", rule):
                    if one not in rules and one.split("-")[0] in prefixes:
                        self.say(page, "there is no rule `%s`", one)

    def check_cli(self):
        page = "docs/cli.md"
        text = self.read(page)
        options = re.findall(r'\bOPTION\("([a-z-]+)"((?:[^;]*?))(?=\n\tOPTION\(|\n\t\{ \.name)', self.read("orchestrator/cli/options/option_table.c"))
        verbs = re.findall(r'\[TIDE_VERB_\w+\] = \{ "([a-z]+)"', self.read("orchestrator/cli/options/verbs.c"))
        if not options or not verbs:
            self.say("orchestrator/cli", "no table of verbs or options was found")
        for name, rest in options:
            if ".hidden = true" not in rest and not re.search(r"`(?:-\w, )?--%s[ `]" % re.escape(name), text):
                self.say(page, "option --%s is missing", name)
        for verb in verbs:
            if not re.search(r"^## %s$" % verb, text, re.M):
                self.say(page, "verb '%s' has no section", verb)

    def check_statuses(self):
        codes = re.findall(r"^\tTIDE_\w+ = (\d+)", self.read("include/tidemark/base/err.h"), re.M)
        names = re.findall(r'^\t\{ TIDE_\w+, "(\w+)" \}', self.read("base/err.c"), re.M)
        headings = " ".join(re.findall(r"^## (.*)$", self.read("docs/errors.md"), re.M))
        if not codes or len(codes) != len(names):
            self.say("base/err.c", "%d codes and %d names of codes were found", len(codes), len(names))
        for code, name in zip(codes, names):
            if not re.search(r"\b%s `%s`" % (code, name), headings):
                self.say("docs/errors.md", "no heading has %s `%s`", code, name)

    def check_links(self):
        anchors = {}
        for page in self.pages():
            text = re.sub(r"```.*?```", "", self.read(page), flags=re.S)
            anchors[page] = {heading_anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.M)}
        for page in anchors:
            text = re.sub(r"```.*?```", "", self.read(page), flags=re.S)
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                full = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
                if not os.path.exists(os.path.join(self.root, full)):
                    self.say(page, "link to %s, which does not exist", target)
                elif anchor and full in anchors and anchor not in anchors[full]:
                    self.say(page, "link to %s, which has no such heading", target)
            for match in PLACES.finditer(self.read(page)):
                self.say(page, "an absolute path: %s", match.group(0))

    def run(self):
        self.check_kinds()
        self.check_plans()
        self.check_rules()
        self.check_cli()
        self.check_statuses()
        self.check_links()
        return sorted(set(self.findings))


def main(arguments):
    root = arguments[1] if len(arguments) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    findings = Check(root).run()
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

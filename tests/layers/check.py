#!/usr/bin/python3
"""Checks what the compiler does not: who may include whom, sizes, and calls that have no place here.

Usage: check.py [root of the tree]
One line for each finding, `file:line: rule: what`; exit 1 when there is any. There is no list of exceptions.
"""
import os
import re
import sys

# Whose public headers there are, include/tidemark/<owner>. catalog: plain structs between postgres, which fills them, and phases.
OWNERS = ("base", "plans", "phases", "catalog", "postgres", "orchestrator")

# Which headers a folder may use, besides its own. postgres knows the lists of names of fields.h and no more of plans.
MAY_USE = {
    "base": [],
    "plans": ["base"],
    "phases": ["base", "plans", "catalog"],
    "postgres": ["base", "catalog", "plans/fields"],
    "orchestrator": ["base", "plans", "phases", "catalog", "postgres"],
}

# Which subfolders' private headers a subfolder may use, besides its own: the lowest first. What lies in the folder itself may use all.
ROOMS = {
    "plans": {"toml": "", "sql": "", "plan": "toml", "templates": "plan"},
    "phases": {
        "build": "",
        "catalog": "build",
        "pair": "build catalog",
        "script": "build catalog pair",
        "checks": "build catalog pair script",
        "kinds": "build catalog pair script checks",
    },
    "postgres": {"catalog": "", "conn": "", "connect": "conn"},
    "orchestrator": {
        "state": "",
        "executor": "state",
        "signals": "state executor",
        "locks": "state executor signals",
        "sweep": "state executor signals locks",
        "steps": "state executor signals locks sweep",
        "run": "state executor signals locks sweep steps",
        "cli": "cli/context",
        "cli/output": "",
        "cli/options": "cli/output",
        "cli/context": "state cli/output cli/options",
        "cli/metrics": "signals cli/output",
        "cli/review": "state steps cli/output cli/options cli/context",
        "cli/render": "cli/output cli/options cli/context cli/review",
        "cli/verbs": "run cli/output cli/options cli/context cli/metrics cli/review cli/render",
    },
}

# Libraries with a home; every other system header is free.
LIBRARIES = {
    r"libpq-fe\.h|libpq/.*|postgres_ext\.h|pg_config.*\.h": ["postgres"],
    r"ev\.h|ev\+\+\.h": ["postgres", "orchestrator"],
    r"pg_query\.h": ["plans"],
    r"toml\+\+/.*|toml\+\+\.h": ["plans"],
    r"jansson\.h": ["base", "plans", "phases", "orchestrator"],
}

# Which tide_* targets a folder's CMakeLists.txt may link. Those of orchestrator are one for each room.
LINKS = {
    "base": [],
    "plans": ["base"],
    "phases": ["plans", "base"],
    "postgres": ["base"],
    "orchestrator": ["base", "plans", "phases", "postgres", "state", "executor", "signals", "locks", "sweep", "steps", "run", "cli"],
}

BANNED = {
    "strcpy": "talloc_strdup", "strcat": "talloc_strdup_append", "strncpy": "snprintf", "strncat": "snprintf",
    "stpcpy": "talloc_strdup", "sprintf": "snprintf or talloc_asprintf", "vsprintf": "vsnprintf",
    "gets": "fgets", "strtok": "strspn and strcspn", "atoi": "strtol", "atol": "strtol", "atoll": "strtoll",
    "atof": "strtod", "sleep": "a timer of the loop", "usleep": "a timer of the loop",
    "nanosleep": "a timer of the loop", "select": "the loop", "alloca": "talloc", "tmpnam": "mkstemp",
    "setjmp": "bool and tide_err", "longjmp": "bool and tide_err", "PQcancel": "a cancel that does not block",
    "PQexec": "tide_conn_query", "PQexecParams": "tide_conn_query",
}

# The one statement that writes the state of a run.
MOVER = "orchestrator/state/move.sql"
# An UPDATE of the run's row up to its WHERE, in SQL or in the literals of C; the alias of the table may stand in between.
UPDATES_RUN = re.compile(r"UPDATE\s+tidemark\.run\b(?!\s*ON\b)(.*?)\bWHERE\b", re.S | re.I)
SETS_STATE = re.compile(r'(?:\bSET\s+|,[\s"]*)state\s*=', re.I)

# A kind of phase that is known by its name outside its own file: it has a member for what is asked of it (phases/build/ops.h).
ASKS_KIND = re.compile(r'\bkind(?:->|\.)name\s*,\s*"')
# Who talks to the server: what these folders send as it stands is in .sql files, and what they get is read by the names of its columns.
TALKERS = ("base", "postgres", "orchestrator")
# A value by its position in a result. What does not know its column's name asks for the only one: tide_rows_only_text().
READ_ROW = re.compile(r"\btide_rows_(?:null|text|required|int|real|bool)\s*\(")
# A statement on relations; a call of a function alone may stay where it is sent.
STATEMENT = re.compile(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|DO)\b")
ON_RELATIONS = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN|USING)\b")
# What printf or tide_sqlf() fills in: such a statement is built, and cannot be in a file.
FILLED_IN = re.compile(r"%(?:\.\d+)?[a-zA-Z]")
# Between the literals of one text: blanks, line ends of a macro, and macros, which are text too.
SAME_TEXT = re.compile(r"[\s\\]*(?:[A-Z][A-Z0-9_]*[\s\\]*)*")
# Their literals are for people, who may be told a statement to type.
MESSAGES = {"tide_findings_add", "tide_hint", "tide_fail", "tide_say"}

FUNCTION_LINES = 80
FILE_LINES = 650
SOURCES = (".c", ".h", ".cpp")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
LINK = re.compile(r"target_link_libraries\s*\(\s*tide_\w+([^)]*)\)")
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def owner_of(header):
    """The folder that a public header belongs to, by its path below include/tidemark: `plans/plan.h`."""
    owner, _, rest = header.partition("/")
    return owner if rest and owner in OWNERS else None


def files_of(root, folder, endings=None):
    for path, folders, names in os.walk(os.path.join(root, folder)):
        folders.sort()
        for name in sorted(names):
            if name.endswith(endings or SOURCES):
                yield os.path.join(path, name)


def blank(text):
    """Comments and literals become spaces; lines keep their numbers."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def texts_of(text):
    """Each text of the source: where its first literal begins, and its literals put together."""
    start = end = None
    parts = []
    for match in NOT_CODE.finditer(text):
        if not match.group().startswith('"'):
            continue
        if start is not None and SAME_TEXT.fullmatch(text, end, match.start()) is None:
            yield start, "".join(parts)
            start, parts = None, []
        start = match.start() if start is None else start
        end = match.end()
        parts.append(match.group()[1:-1])
    if start is not None:
        yield start, "".join(parts)


def called_with(code, at):
    """The function whose argument stands at this place, or an empty text. `code` is without comments and literals."""
    depth = 0
    for i in range(at - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(code[i], 0)
        if depth < 0:
            return re.search(r"(\w*)\s*$", code[:i])[1]
        if depth == 0 and code[i] in ";{}":
            return ""
    return ""


class Check:
    def __init__(self, root):
        self.root = root
        self.findings = []

    def say(self, path, line, rule, what):
        self.findings.append(f"{os.path.relpath(path, self.root)}:{line}: {rule}: {what}")

    def include(self, path, line, folder, quote, name):
        """`folder` is None for the public headers themselves and for tests: only libraries are checked there."""
        for pattern, homes in LIBRARIES.items():
            if re.fullmatch(pattern, name) and folder is not None and folder not in homes:
                self.say(path, line, "library", f"<{name}> belongs to {' and '.join(homes)}, not to {folder}")
        if quote != '"' or folder is None:
            return
        if name.startswith("tidemark/"):
            header = name.removeprefix("tidemark/")
            owner = owner_of(header)
            if owner is None:
                self.say(path, line, "layer", f"tidemark/{header} is in no owner's folder")
            elif owner != folder and owner not in MAY_USE[folder] and header.removesuffix(".h") not in MAY_USE[folder]:
                self.say(path, line, "layer", f"{folder} may not use {owner} (tidemark/{header})")
        elif not name.endswith("_sql.h"):      # made by tide_embed_sql
            self.private_include(path, line, folder, name)

    def private_include(self, path, line, folder, name):
        found = self.private_header(path, folder, name)
        if found is None:
            self.say(path, line, "layer", f'"{name}" is not a header of {folder}')
            return
        rooms = ROOMS.get(folder, {})
        source, target = self.room(path, folder), self.room(found, folder)
        if source in rooms and target != source and target not in rooms[source].split():
            self.say(path, line, "layer", f"{folder}/{source} may not use {folder}/{target} ({name})")
        elif rooms and source and source not in rooms:
            self.say(path, line, "layer", f"{folder}/{source} has no row in ROOMS of tests/layers/check.py")

    def room(self, path, folder):
        """The subfolder of `folder` that holds the file; empty for the folder itself."""
        return os.path.dirname(os.path.relpath(path, os.path.join(self.root, folder)))

    def private_header(self, path, folder, name):
        home = os.path.join(self.root, folder)
        for base in (os.path.dirname(path), home):
            found = os.path.normpath(os.path.join(base, name))
            if os.path.exists(found) and os.path.commonpath([found, home]) == home:
                return found
        return None

    def public_include(self, path, line, name):
        """What a public header includes must be usable by everyone who may include that header."""
        owner = owner_of(os.path.relpath(path, os.path.join(self.root, "include", "tidemark")))
        target = owner_of(name.removeprefix("tidemark/"))
        if owner is None or target is None or owner == target:
            return
        # phases' steps and the executor's events are read by whoever holds the header: only the way down is allowed.
        stem = name.removeprefix("tidemark/").removesuffix(".h")
        if target not in MAY_USE.get(owner, []) and stem not in MAY_USE.get(owner, []):
            self.say(path, line, "layer", f"a header of {owner} may not use {target} ({name})")

    def source(self, path, folder):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        lines = text.splitlines()
        if len(lines) > FILE_LINES:
            self.say(path, len(lines), "size", f"{len(lines)} lines in one file, at most {FILE_LINES}")
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match:
                self.include(path, number, folder, *match.groups())
        for match in ASKS_KIND.finditer(text if folder in ("phases", "orchestrator") else ""):
            self.say(path, text.count("\n", 0, match.start()) + 1, "kind",
                     "ask a member of struct tide_phase_ops, not the name of the kind")
        if folder in TALKERS:
            self.positions(path, text)
            self.statements(path, text)
        code = blank(text).splitlines()
        self.functions(path, code)
        for number, line in enumerate(code, 1):
            for match in CALL.finditer(line):
                self.say(path, number, "banned", f"{match[1]}(): use {BANNED[match[1]]}")

    def movers(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for match in UPDATES_RUN.finditer(text):
            if SETS_STATE.search(match[1]) and os.path.relpath(path, self.root) != MOVER:
                self.say(path, text.count("\n", 0, match.start()) + 1, "mover", f"only {MOVER} writes the state of a run")

    def positions(self, path, text):
        code = blank(text)
        for match in READ_ROW.finditer(code):
            end, depth = match.end(), 1
            while depth > 0 and end < len(code):
                depth += {"(": 1, ")": -1}.get(code[end], 0)
                end += 1
            column = code[match.end():end - 1].rpartition(",")[2].strip()
            if column.isdigit():
                self.say(path, code.count("\n", 0, match.start()) + 1, "position", f"column {column}: read columns by their names")

    def statements(self, path, text):
        code = blank(text)
        for start, literal in texts_of(text):
            if STATEMENT.match(literal) and ON_RELATIONS.search(literal) and not FILLED_IN.search(literal) \
                    and called_with(code, start) not in MESSAGES:
                self.say(path, text.count("\n", 0, start) + 1, "sql", "a fixed statement belongs in a .sql file")

    def functions(self, path, code):
        """By the layout of the tree: a function's braces stand alone in the first column."""
        begun = None
        for number, line in enumerate(code, 1):
            if line.rstrip() == "{":
                begun = number
            elif line.rstrip() == "}" and begun is not None:
                if number - begun + 1 > FUNCTION_LINES:
                    self.say(path, begun, "size",
                             f"a function of {number - begun + 1} lines, at most {FUNCTION_LINES}")
                begun = None

    def links(self, folder):
        for path, _, names in os.walk(os.path.join(self.root, folder)):
            if "CMakeLists.txt" not in names:
                continue
            cmake = os.path.join(path, "CMakeLists.txt")
            with open(cmake, encoding="utf-8") as file:
                text = file.read()
            for match in LINK.finditer(text):
                for target in re.findall(r"\btide_(\w+)", match[1]):
                    if target in LINKS and target != folder and target not in LINKS[folder]:
                        line = text.count("\n", 0, match.start()) + 1
                        self.say(cmake, line, "layer", f"{folder} may not link tide_{target}")

    def run(self):
        for folder in MAY_USE:
            self.links(folder)
            for path in files_of(self.root, folder):
                self.source(path, folder)
                self.movers(path)
            for path in files_of(self.root, folder, (".sql",)):
                self.movers(path)
        for path in files_of(self.root, "include"):
            self.source(path, None)
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    match = INCLUDE.match(line)
                    if match and match[2].startswith("tidemark/"):
                        self.public_include(path, number, match[2])
                    elif match and re.fullmatch(r"libpq-fe\.h|ev\.h|pg_query\.h", match[2]):
                        self.say(path, number, "library", f"{match[2]} in a public header")
        for path in files_of(self.root, "tests"):
            self.source(path, None)
        return self.findings


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.normpath(os.path.join(here, "..", ".."))
    check = Check(root)
    findings = check.run()
    for finding in findings:
        print(finding)
    print(f"layers: {len(findings)} findings" if findings else "layers: nothing found")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Compares docs/errors.md with the messages in the source, in both directions.

Usage: check_errors.py [root of the tree]
- Each message that the page quotes is in the source, under the code of its section; messages of PostgreSQL are listed here.
- Each error for which the source has advice (a hint that follows it) is quoted on the page.
- Each event of the page's last table is one that the program reports.

In a quotation `…` stands for any text, as `%s` does in the source. One line for each finding; exit 1 when there is any.
"""
import glob
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_hints import arguments_of, main, read

FOLDERS = ("base", "plans", "phases", "postgres", "orchestrator")
# Calls whose first text is an error message, and the code that they set; None: it is their second argument.
ERRORS = {
    "tide_fail": None, "tide_plan_fail": None, "tide_field_fail": "TIDE_PLAN", "tide_place_fail": "TIDE_PLAN",
    "tide_sqltree_fail": "TIDE_PLAN", "malformed": "TIDE_UNEXPECTED",
}
SERVER = (
    'permission denied to set parameter "session_replication_role"', "canceling statement due to statement timeout",
    "… No space left on device", "temporary file size exceeds temp_file_limit", "out of memory", "permission denied …",
    "must be owner of table …",
)
TEXT = r'"(?:\\.|[^"\\\n])*"'
WILD = object()


class Message:
    def __init__(self, place, text, code=None, advice=False):
        self.place, self.text, self.code, self.advice = place, text, code, advice
        self.parts = parts(text, r"%%|\{\w+\}|%[-+ #0-9.*]*(?:l|ll|z|h|j)*[a-zA-Z]")
        self.words = set(self.parts)


def parts(text, wild):
    """A text as words, signs and wildcards."""
    found = []
    for match in re.finditer(r"(?P<wild>%s)|\w+|[^\w\s]" % wild, text):
        found.append(WILD if match.group("wild") not in (None, "%%") else match.group(0).replace("%%", "%"))
    return found


def letters(pattern):
    return sum(len(part) for part in pattern if part is not WILD)


def common(one, other):
    """How many letters two patterns share where they can be the same text; -1 where they cannot."""
    best = [[-1] * (len(other) + 1) for _ in range(len(one) + 1)]
    best[len(one)][len(other)] = 0
    for i in range(len(one), -1, -1):
        for j in range(len(other), -1, -1):
            here = best[i][j]
            if i < len(one) and one[i] is WILD or i < len(one) and j < len(other) and other[j] is WILD:
                here = max(here, best[i + 1][j])
            if j < len(other) and other[j] is WILD or i < len(one) and j < len(other) and one[i] is WILD:
                here = max(here, best[i][j + 1])
            if i < len(one) and j < len(other) and one[i] == other[j] and one[i] is not WILD and best[i + 1][j + 1] >= 0:
                here = max(here, best[i + 1][j + 1] + len(one[i]))
            best[i][j] = here
    return best[0][0]


def same(quoted, message):
    """Whether the page's pattern is this message: they share half of the pattern's letters, and a third of the message's."""
    wanted = max(1, 0.5 * letters(quoted), 0.3 * letters(message.parts))
    if sum(len(part) for part in quoted if part is not WILD and part in message.words) < wanted:
        return False
    return common(quoted, message.parts) >= wanted


def join(text):
    """The same with neighbouring literals as one."""
    return re.sub(r'(?<!\\)"\s*"', "", text)


def texts_of(argument):
    """The texts of an argument: one, or one for each branch of a condition; neighbouring literals are joined."""
    argument = re.sub(r"\bPRI[a-zA-Z0-9]+\b", '"lld"', argument)
    argument = argument.replace('%" "lld"', '%lld"').replace('%""lld"', '%lld"')
    joined = join(argument)
    return [text[1:-1].replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\") for text in re.findall(TEXT, joined)]


def without_comments(text):
    return re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group(0)), text, flags=re.S)


def errors_of(name, text):
    for match in re.finditer(r"\b(%s)\(" % "|".join(ERRORS), text):
        given = arguments_of(text, match.end() - 1)
        at = next((i for i, argument in enumerate(given) if '"' in argument), None)
        if at is None:
            continue
        code = ERRORS[match.group(1)] or (given[1] if len(given) > 1 else None)
        rest = text[match.end():]
        rest = re.split(r"\b(?:%s)\(|\n}" % "|".join(ERRORS), rest, maxsplit=1)[0]
        advice = re.search(r"\btide_(?:hint|runner_hint_next)\(", rest[:600]) is not None
        for one in texts_of(given[at]):
            yield Message(name, one, code if re.fullmatch(r"TIDE_[A-Z]+", code or "") else None, advice)


def sources(root):
    for folder in FOLDERS:
        for ending in ("c", "h", "sql"):
            for path in sorted(glob.glob(os.path.join(root, folder, "**", "*." + ending), recursive=True)):
                yield os.path.relpath(path, root), without_comments(read(path))


def messages(root):
    """Errors with their codes, and every other text of the source, where an error or an event may take its words from."""
    errors, others = [], []
    for name, text in sources(root):
        if name.endswith(".sql"):
            others += [Message(name, found.replace("''", "'")) for found in re.findall(r"'((?:[^'\n]|'')+ (?:[^'\n]|'')+)'", text)]
            continue
        errors += errors_of(name, text)
        joined = join(re.sub(r'%"\s*PRI[a-zA-Z0-9]+\s*"', "%lld", text))
        others += [Message(name, one + ": %s") for one in re.findall(r'\btide_wrap\(\w+, "((?:\\.|[^"\\])*)"', joined)]
        for found in re.findall(TEXT, joined):
            found = found[1:-1].replace('\\"', '"')
            others.append(Message(name, found))
            raised = re.search(r"RAISE EXCEPTION '((?:[^']|'')*)'", found)
            if raised:
                others.append(Message(name, re.sub(r"%+", "%s", raised.group(1).replace("''", "'"))))
    return errors, others


def quotations(text):
    """Code of the section, and each quotation of a column `message`; then the events of the last table."""
    section, column, quoted, events = None, None, [], []
    for line in text.splitlines():
        if line.startswith("## "):
            section, column = re.findall(r"`(\w+)`", line), None
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            column = None
            quoted += [(section, one) for one in re.findall(r"`([^`]*…[^`]*)`", line) if section]
        elif "message" in cells:
            column = cells.index("message")
        elif cells[0] == "event":
            column = "event"
        elif column == "event" and not cells[0].startswith("---"):
            events += re.findall(r"`([^`]+)`", cells[0])
        elif column is not None and not cells[0].startswith("---"):
            quoted += [(section, one) for one in re.findall(r"`([^`]+)`", cells[column])]
    return quoted, events


def command(quoted):
    """A command, a file or a setting that a cell names beside its messages."""
    return re.match(r"tidemark \w+$|pg_hba\.conf$|sql$|resumed$|\w+$", quoted) is not None


def check(root):
    text, said = read(root, "docs", "errors.md"), []
    errors, others = messages(root)
    names = dict(re.findall(r'^\t\{ (TIDE_\w+), "(\w+)" \}', read(root, "base", "err.c"), re.M))
    quoted, events = quotations(text)
    patterns = []
    for section, one in quoted:
        if command(one):
            continue
        pattern = parts(one, "…")
        patterns.append((section, pattern))
        if one in SERVER:
            continue
        found = [message for message in errors if same(pattern, message)]
        if not found and not any(same(pattern, message) for message in others):
            said.append(f"docs/errors.md: {'/'.join(section)}: the source has no message `{one}`")
        codes = {names.get(message.code) for message in found if message.code}
        if codes and not codes & set(section):
            said.append(f"docs/errors.md: `{one}` has the code {' or '.join(sorted(codes))}, and is under {'/'.join(section)}")
    for message in errors:
        wanted = names.get(message.code)
        if message.advice and letters(message.parts) > 10 and not any((wanted is None or wanted in section) and same(pattern, message) for section, pattern in patterns):
            said.append(f"{message.place}: docs/errors.md does not have `{message.text}` ({wanted})")
    literals = {message.text for message in others}
    said += [f"docs/errors.md: no event is called {name}" for name in events if name not in literals]
    if len(errors) < 100 or len(patterns) < 80 or len(events) < 10:
        said.append(f"{len(errors)} errors, {len(patterns)} quotations and {len(events)} events: this cannot be all")
    return list(dict.fromkeys(said))


if __name__ == "__main__":
    sys.exit(main(check))

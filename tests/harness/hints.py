"""What a message says to do next: found in the output, and done as it stands."""
import re
import shlex


def lines(result):
    """Each hint, each `next:` line and each hint below a finding, without what stands before it."""
    found = re.findall(r"^\s*(?:hint|next): (.*)$", result.err + "\n" + result.out, re.M)
    if not found:
        raise AssertionError(f"it says nothing about what to do\n{result}")
    return found


def find(result, pattern):
    """The part of a hint that matches."""
    for line in lines(result):
        match = re.search(pattern, line)
        if match:
            return match.group(match.lastindex or 0)
    raise AssertionError(f"no hint has {pattern!r}: {lines(result)}\n{result}")


def follow(tidemark, result, pattern, **kwargs):
    """Runs the command of a hint, word by word as a shell would read it; its Result."""
    words = shlex.split(find(result, pattern))
    if words[0] != "tidemark":
        raise AssertionError(f"{words} is no command of ours")
    return tidemark(*words[1:], **kwargs)

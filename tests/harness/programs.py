"""Programs that the test writes, and that tidemark calls: the command of a gate, and hooks."""
import os
import stat

from harness.testcase import LiveCase

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, qty int); INSERT INTO items SELECT g, g FROM generate_series(1, 1000) g"


def alive(pid):
    """Whether a process is there and more than a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class ProgramCase(LiveCase):
    def setUp(self):
        super().setUp()
        self.execute(ITEMS)

    def path(self, name):
        return os.path.join(self.directory, name)

    def script(self, name, text):
        """An executable shell script in the test's directory; its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return path

    def lines(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def pids(self, name, count):
        """Process ids that a script has written, once there are so many."""
        return [int(line) for line in self.wait_until(lambda: len(self.lines(name)) >= count and self.lines(name))]

    def no_child_is_left(self, process):
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            self.assertEqual(file.read().split(), [])

"""File systems that a test can fill: tmpfs, mounted in a mount namespace of the test's process, so that none of them outlives it.

    class Full(LiveCase):
        ...
            disk = Disk(path, megabytes=16)

    if __name__ == "__main__":
        enter_namespace()
        main()

Where mounting is not permitted (no root, no CAP_SYS_ADMIN), `needs_disk` skips the class and says so.
"""
import errno
import os
import shutil
import subprocess
import sys
import unittest

NAMESPACE = "TIDEMARK_TEST_NAMESPACE"
PROBE = ("mkdir -p /tmp/tidemark-mount.$$ && mount -t tmpfs -o size=1m tmpfs /tmp/tidemark-mount.$$; s=$?;"
         " umount /tmp/tidemark-mount.$$; rmdir /tmp/tidemark-mount.$$; exit $s")

needs_disk = unittest.skipUnless(os.environ.get(NAMESPACE), "no file system can be mounted here (it needs root and CAP_SYS_ADMIN)")


def enter_namespace():
    """Runs this program again where mounting is permitted, in a mount namespace of its own."""
    if os.environ.get(NAMESPACE) or os.geteuid() != 0 or shutil.which("unshare") is None:
        return
    if subprocess.run(["unshare", "-m", "sh", "-c", PROBE], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.environ[NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


class Disk:
    """A file system of its own that can be filled and emptied."""

    def __init__(self, path, megabytes):
        self.path, self.filler = path, os.path.join(path, "filler")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path], check=True)

    def fill(self, leave=0):
        """`leave`: bytes that stay free."""
        left = os.statvfs(self.path)
        with open(self.filler, "ab", buffering=0) as file:
            try:    # the server takes of it at the same time
                os.posix_fallocate(file.fileno(), 0, max(1, left.f_bavail * left.f_bsize - leave))
                while not leave:
                    file.write(b"\0" * 4096)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)

    def close(self):
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", self.path], check=True)

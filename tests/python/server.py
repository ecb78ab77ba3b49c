"""`sortie serve` as a child process that says where it listens and never outlives the test."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading

STARTS_WITHIN_S = 30
ENDS_WITHIN_S = 15


class Server:
    """A running `sortie serve` on a port of its own choice."""

    def __init__(self):
        self.home = tempfile.TemporaryDirectory()
        # Nobody's settings, and a log that a program can read.
        own = {k: v for k, v in os.environ.items() if not k.startswith(("SORTIE_", "XDG_"))}
        self.child = subprocess.Popen(
            [program(), "--log-format", "json", "serve", "--listen", "127.0.0.1:0"],
            env={**own, "HOME": self.home.name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self.address = None
        self.said = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def wait(self) -> str:
        """Returns `host:port` as soon as the server listens."""
        self.said.wait(STARTS_WITHIN_S)
        if self.address is None:
            raise AssertionError("serve did not say where it listens:\n" + "".join(self.log))
        return self.address.removeprefix("http://")

    def stop(self) -> int:
        """Ends the child as a supervisor would, and returns its exit code."""
        self.child.terminate()
        try:
            return self.child.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()
        finally:
            self.reader.join(ENDS_WITHIN_S)
            self.child.stderr.close()
            self.home.cleanup()

    def _read(self):
        """To the end, so that the child never waits for a reader."""
        for line in self.child.stderr:
            self.log.append(line)
            if self.address is None and (address := address_in(line)):
                self.address = address
                self.said.set()
        self.said.set()


def address_in(line: str):
    try:
        return json.loads(line).get("address")
    except (ValueError, AttributeError):
        return None


def program() -> str:
    named = os.environ.get("SORTIE_PROGRAM")
    built = pathlib.Path(__file__).resolve().parents[2] / "target" / "debug" / "sortie"
    return named or str(built)

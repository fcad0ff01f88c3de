"""One run of one job, from the service's end of the line."""

from __future__ import annotations

import atexit
import json
import time
from contextlib import suppress
from multiprocessing import get_context

from reportnlp_api.job_process import Outcome, Task, serve

END_S = 5.0
"""How long it may take to end once it is told to, before it is killed."""


class Run:
    """The service's end.

    Args:
        task: what to do.

    Attributes:
        done: rows so far.
        total: rows in all, or None.
    """

    def __init__(self, task: Task) -> None:
        context = get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, task))
        # Python waits at its end for processes that are not daemons; and a daemon may have none of its own.
        atexit.register(self.kill)
        self._process.start()
        # The service must not hold the other end: the line would never end when the process does.
        theirs.close()
        self.done = 0
        self.total: int | None = None

    def hear(self, seconds: float) -> Outcome | None:
        """Listen for so long at most; the outcome, once there is one."""
        until = time.monotonic() + seconds
        try:
            while self._line.poll(max(0.0, until - time.monotonic())):
                said = json.loads(self._line.recv_bytes())
                if "outcome" in said:
                    return Outcome(**said["outcome"])
                self.done, self.total = said["done"], said["total"]
        except (EOFError, OSError):
            return Outcome()
        return None

    def stop(self) -> None:
        """Have it end in good order."""
        self._process.terminate()
        self._process.join(END_S)
        self.kill()

    def kill(self) -> None:
        """End it at once. What it finished is on disk; can be done twice."""
        atexit.unregister(self.kill)
        with suppress(ValueError):  # it is closed already
            self._process.kill()
            self._process.join()
            self._process.close()
        self._line.close()

"""A training's log, in the event files that TensorBoard reads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

from reportnlp.training._work import writing


class Log:
    """Writes numbers by step, in the training's own thread: a full disk is heard of.

    (The library's `SummaryWriter` writes in a thread, whose death it does not notice.)

    Args:
        folder: where to; it is made.
        step: steps that are behind; numbers of later ones are of a run that was cut off, and hidden.

    Raises:
        OutputError: no room, no permission.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        self._folder = folder
        with writing(folder):
            folder.mkdir(exist_ok=True)
            # A name per run, or two within a second would share a file.
            runs = sum(1 for _ in folder.iterdir())
            self._writer = EventsWriter(str(folder / "events"), filename_suffix=f".{runs}")
            start = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(wall_time=time.time(), step=step + 1, session_log=start))
            self._writer.flush()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Note the values of a step.

        Raises:
            OutputError: no room.
        """
        with writing(self._folder):
            for name, value in values.items():
                self._writer.write_event(Event(wall_time=time.time(), step=step, summary=scalar(name, value)))
            self._writer.flush()

    def close(self) -> None:
        """Nothing more comes."""
        with writing(self._folder):
            self._writer.close()

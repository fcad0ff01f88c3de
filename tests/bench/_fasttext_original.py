"""One training by the original fastText, in an environment of its own; `embeddings.py` starts it."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def main() -> None:
    """Do the job whose file is named. The program's progress goes to the standard error stream."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    fasttext: Any = import_module("fasttext")
    model = fasttext.train_unsupervised(job["text"], verbose=2, **job["config"])
    out = Path(job["out"])
    lines = Path(job["vocabulary"]).read_text(encoding="utf-8").split("\n")
    words = [line.rpartition(" ")[0] for line in lines if line]
    np.save(out / "vectors.npy", np.array([model.get_word_vector(word) for word in words], np.float32))
    unseen = [model.get_word_vector(word) for word in job["unseen"]]
    np.save(out / "unseen.npy", np.array(unseen, np.float32).reshape(-1, job["config"]["dim"]))


if __name__ == "__main__":
    main()

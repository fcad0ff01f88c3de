"""Fits snorkel's `LabelModel` to one question's votes; run by `label_models.py` in snorkel's own environment.

    python tests/bench/_snorkel_one.py votes.npz out.npz

`votes.npz` holds an array for each question, (reports, functions) int64, -1 where a function abstains, and
`seen`, (reports,) bool: the reports to fit on. `out.npz` gets (reports, 4) probabilities for each.
"""

from __future__ import annotations

import sys

import numpy as np
from snorkel.labeling.model import LabelModel  # type: ignore[import-not-found]


def main() -> None:
    given = np.load(sys.argv[1], allow_pickle=False)
    seen = given["seen"]
    found = {}
    for name in given.files:
        if name != "seen":
            model = LabelModel(cardinality=4, verbose=False)
            model.fit(L_train=given[name][seen], n_epochs=500, seed=0, progress_bar=False)
            found[name] = model.predict_proba(given[name])
    np.savez(sys.argv[2], **found)


if __name__ == "__main__":
    main()

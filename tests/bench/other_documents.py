"""What the shipped models say of documents that are about something else.

    python tests/bench/other_documents.py DATA [--panel pe] [--model DIR]

`DATA` holds `mtsamples.jsonl`, transcribed documents of all kinds of medicine (CC0). Taken are those in which
the rules find no word of any finding of the panel, less those that the models learned from. Nothing of the
panel is stated there, so every answer but `not_mentioned` is wrong; shown is how many documents get one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script sees its own folder alone

from reportnlp.labeler import load
from tests.bench.shipped_models import OTHERS, WRITTEN, other_documents


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--panel", choices=sorted(WRITTEN), default="pe")
    parser.add_argument("--model", default="auto", help="a model folder; else the shipped one")
    given = parser.parse_args()
    unseen = other_documents(given.data, given.panel)[OTHERS:]
    labeler = load(given.panel, method=given.model)
    presence = [at for at, question in enumerate(labeler.questions) if question.attribute is None]
    said: Counter[str] = Counter()
    for labels in labeler.label_batch(unseen):
        said.update({str(labels[at].answer) for at in presence})
    print(f"{len(unseen)} documents; some finding is")
    for answer in ("present", "uncertain", "absent", "not_mentioned"):
        print(f"    {answer:14} {said[answer]:5}  {said[answer] / len(unseen):.3f}")


if __name__ == "__main__":
    main()

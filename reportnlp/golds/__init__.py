"""One file per source of gold answers: reads it as answers to a panel (what an entry is: `blocks.py`)."""

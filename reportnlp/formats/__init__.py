"""One file per report or label format: reads it, writes it, or both (the parts: `blocks.py`)."""

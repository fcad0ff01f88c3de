"""One file per kind of image file: what it needs, and how to read it (the parts: `blocks.py`)."""

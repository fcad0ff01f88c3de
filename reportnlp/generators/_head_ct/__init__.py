"""The parts of the head_ct generator, below its entry."""

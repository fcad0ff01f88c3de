"""The parts of the pe generator, below its entry."""

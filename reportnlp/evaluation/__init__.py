"""How good labels are: answers compared with gold answers."""

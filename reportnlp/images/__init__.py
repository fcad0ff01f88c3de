"""Images: read them, label them by their reports, train a companion model on them."""

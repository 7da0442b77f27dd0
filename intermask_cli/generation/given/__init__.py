"""What jobs start from: one person to react to, or pairs to continue, join and edit."""

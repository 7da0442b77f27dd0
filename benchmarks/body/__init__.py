"""What the body solver does to decoded and to rigid bodies."""

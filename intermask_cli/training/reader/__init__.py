"""Training of the reader: text -> kind, who acts, side, manner, tempo (`reading.label_reader`)."""

"""What people look at and take away: contact sheets, the one-file viewer, interchange formats."""

"""What a prompt says."""

"""What two splits share and must not."""

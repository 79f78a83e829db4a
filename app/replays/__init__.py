"""Sending again what failed or was missed, in bulk."""

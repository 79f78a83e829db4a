"""Releases: the one thing that Slipway is about."""

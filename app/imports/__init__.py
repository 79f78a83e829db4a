"""Imports of history: a file of old releases, what would come of it, and what has."""

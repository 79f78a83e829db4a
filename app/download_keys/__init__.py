"""Restricted products, and the keys that their customers download with."""

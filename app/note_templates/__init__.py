"""Texts that the notes of a product's releases begin with."""

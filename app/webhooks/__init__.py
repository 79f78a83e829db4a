"""Webhooks: receivers, what they are owed, and how it reaches them."""

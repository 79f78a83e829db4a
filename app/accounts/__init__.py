"""Tenants, users, roles, sign-in and access tokens."""

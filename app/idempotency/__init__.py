"""What an ``Idempotency-Key`` does: whoever sends the same twice gets the first one back."""

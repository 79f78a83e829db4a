"""What an owner sees of deliveries, and can do with them."""

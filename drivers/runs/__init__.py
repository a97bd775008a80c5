"""What runs on every inference engine have in common: what they hear, what they tell, and what a device must have."""

"""The items that people need first, and the platforms that they run on."""

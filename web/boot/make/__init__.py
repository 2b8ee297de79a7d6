"""Make what a tab starts fast from, in a headless browser."""

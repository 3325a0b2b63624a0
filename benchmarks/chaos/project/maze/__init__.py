"""The project whose spider crawls the drawn sites."""

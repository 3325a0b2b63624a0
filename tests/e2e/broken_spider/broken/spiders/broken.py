"""Raises when it is imported, as a spider does whose dependency is missing in the image."""

raise ImportError("No module named 'pandas': the image lacks what this spider needs")

"""What do more workers on one frontier bring, what bounds them, and what would Redis have to do for a thousand?"""

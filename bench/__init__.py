"""What is measured in time and memory, always beside a named baseline in the same run: make bench."""

"""A collection of photos of any size: into one table, and, with labels, from there into a report."""

from .analysis import analyze_collection
from .listing import CollectionError

__all__ = ["CollectionError", "analyze_collection"]

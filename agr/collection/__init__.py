"""Analyze a collection of photos of any size into one table, and, with labels, turn that into a report."""

from .analysis import analyze_collection
from .listing import CollectionError

__all__ = ["CollectionError", "analyze_collection"]

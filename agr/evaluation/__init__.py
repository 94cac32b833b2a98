"""Evaluation reports, and everything that is derived from them. Depends on neither torch nor gradio."""

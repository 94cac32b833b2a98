"""The page. With app.py, the only rooms that know Gradio."""

"""What an evaluation report is, and what can be read off it. Knows neither torch nor gradio."""

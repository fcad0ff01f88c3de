"""The text classification API: `create_app(Settings())` is an ASGI application."""

from reportnlp_api.app import create_app
from reportnlp_api.settings import Settings

__all__ = ["Settings", "create_app"]

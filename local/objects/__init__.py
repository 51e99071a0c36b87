"""Objects on 127.0.0.1 that the vendor's oss2 can fetch: a folder, behind OSS's GetObject."""

from .server import Objects

__all__ = ["Objects"]

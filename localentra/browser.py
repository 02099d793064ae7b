"""A browser that does what a sign-in page asks: it opens an address, and posts the form that comes back to where it says."""

import html
import re
import ssl
import threading
import urllib.parse
import urllib.request
from pathlib import Path


class Browser:
    """Opens addresses through ``proxy``, trusting ``authority``."""

    def __init__(self, proxy: str, authority: Path) -> None:
        trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(authority)))
        self._there = urllib.request.build_opener(urllib.request.ProxyHandler({"https": proxy}), trusting)
        self._here = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.pages: list[str] = []
        """What was shown."""

    def open(self, url: str, *_: object, **__: object) -> bool:
        """Open an address as ``webbrowser.open`` does: in the background."""
        threading.Thread(target=self._visit, args=(url,), daemon=True).start()
        return True

    def _visit(self, url: str) -> None:
        with self._there.open(url, timeout=20) as answer:
            page = answer.read().decode()
        self.pages.append(page)
        form = re.search(r'<form method="POST" action="([^"]+)">', page)
        if form is None:
            return
        fields = {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', page)}
        data = urllib.parse.urlencode(fields).encode()
        self._here.open(html.unescape(form[1]), data, timeout=20).close()

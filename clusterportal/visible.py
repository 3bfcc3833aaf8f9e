"""Pages show what they hold. A file on a node may have any name: one with characters that turn the direction of what
follows, or that no browser draws, reads as another name, in lists that a person approves."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

_UNSEEN = re.compile(
    rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf"
)
"""In UTF-8: controls but tab and line ends, line separators, what has no width, marks of direction."""

_SEEN = "\ufffd".encode()


class NothingUnseen(MiddlewareMixin):
    """In pages, whatever puts them together, what cannot be seen is seen to be there. REST gives names as they are."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Replace it."""
        if isinstance(response, HttpResponse) and response.headers.get("Content-Type", "").startswith("text/html"):
            shown = _UNSEEN.sub(_SEEN, response.content)
            if shown != response.content:
                response.content = shown
                if response.headers.get("Content-Length"):
                    response.headers["Content-Length"] = str(len(shown))
        return response

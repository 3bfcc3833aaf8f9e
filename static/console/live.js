/* Parts of pages refresh themselves. This keeps the reader's place in them: the focus and how far a table was scrolled.
   Where a refresh was sent elsewhere (the session ended), the whole page goes there. */
(function () {
  "use strict";
  var places = new WeakMap();

  function nameOf(element) {
    var told = element.id || element.getAttribute("href") || element.getAttribute("aria-label");
    return told || (element.matches("button, summary") ? element.textContent.trim() : "");
  }

  function isShown(element) {
    return element.getClientRects().length > 0;
  }

  function allNamed(root, tag, name) {
    return Array.from(root.querySelectorAll(tag)).filter(function (element) {
      return name && nameOf(element) === name && isShown(element);
    });
  }

  function remember(target) {
    var focused = target.contains(document.activeElement) ? document.activeElement : null;
    var name = focused && nameOf(focused);
    return {
      focus: focused && [focused.tagName, name, allNamed(target, focused.tagName, name).indexOf(focused)],
      scrolled: Array.from(target.querySelectorAll(".table-scroll")).map(function (box) {
        return [nameOf(box), box.scrollLeft];
      }),
    };
  }

  function restore(place, root) {
    place.scrolled.forEach(function (entry) {
      var box = allNamed(root, ".table-scroll", entry[0])[0];
      if (box) {
        box.scrollLeft = entry[1];
      }
    });
    var focused = place.focus && allNamed(root, place.focus[0], place.focus[1])[place.focus[2]];
    if (focused) {
      focused.focus({ preventScroll: true });
    }
  }

  function wasSentElsewhere(xhr, asked) {
    return new URL(xhr.responseURL).pathname !== new URL(asked, window.location.href).pathname;
  }

  // what a person does has an event, what a page asks for by itself has none: only the former keeps a session alive
  document.addEventListener("htmx:configRequest", function (event) {
    if (event.detail.triggeringEvent) {
      event.detail.headers["X-Act"] = "1";
    }
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    if (wasSentElsewhere(event.detail.xhr, event.detail.pathInfo.requestPath)) {
      event.detail.shouldSwap = false;
      window.location.reload();
      return;
    }
    places.set(event.detail.xhr, remember(event.detail.target));
  });
  document.addEventListener("htmx:afterSwap", function (event) {
    var place = places.get(event.detail.xhr);
    if (place) {
      places.delete(event.detail.xhr);
      restore(place, document);
    }
  });
})();

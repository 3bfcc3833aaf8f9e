/* Parts of pages refresh themselves. This keeps the reader's place in them: the focus and how far a table was scrolled.
   Where a refresh was sent elsewhere (the session ended), the whole page goes there. */
(function () {
  "use strict";
  var places = new WeakMap();

  function nameOf(element) {
    return element.id || element.getAttribute("href") || element.getAttribute("aria-label") || "";
  }

  function findNamed(root, tag, name) {
    return Array.from(root.querySelectorAll(tag)).find(function (element) {
      return name && nameOf(element) === name;
    });
  }

  function remember(target) {
    var focused = target.contains(document.activeElement) ? document.activeElement : null;
    return {
      focus: focused && [focused.tagName, nameOf(focused)],
      scrolled: Array.from(target.querySelectorAll(".table-scroll")).map(function (box) {
        return [nameOf(box), box.scrollLeft];
      }),
    };
  }

  function restore(place, root) {
    place.scrolled.forEach(function (entry) {
      var box = findNamed(root, ".table-scroll", entry[0]);
      if (box) {
        box.scrollLeft = entry[1];
      }
    });
    var focused = place.focus && findNamed(root, place.focus[0], place.focus[1]);
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

/* "Auto" follows the system: runs before the first paint, so that no light page flashes in a dark room. */
(function () {
  "use strict";
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");

  function apply() {
    if (root.dataset.theme === "auto") {
      root.dataset.bsTheme = dark.matches ? "dark" : "light";
    }
  }

  apply();
  dark.addEventListener("change", apply);
})();

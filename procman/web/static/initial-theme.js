/* Applies the stored colour theme before the first paint. Not a module: modules run after that. */
"use strict";
try {
  document.documentElement.dataset.theme = localStorage.getItem("procman-theme") ?? "auto";
} catch {
  // The browser stores nothing.
}

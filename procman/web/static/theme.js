/* The switch between light, dark and the system's colours. initial-theme.js has applied the stored choice. */

import { $, store } from "./document.js";

const THEMES = { auto: "same as the system", light: "light", dark: "dark" };

export function setUpTheme() {
  const root = document.documentElement;
  const show = (theme) => {
    root.dataset.theme = theme;
    $("theme").setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
    $("theme").title = `Colours: ${THEMES[theme]}`;
    $("theme").querySelector("use").setAttribute("href", `#i-${theme}`);
  };
  show(root.dataset.theme in THEMES ? root.dataset.theme : "auto");
  $("theme").addEventListener("click", () => {
    const themes = Object.keys(THEMES);
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    show(next);
    store("theme", next);
  });
}

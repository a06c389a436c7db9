/* Several tabs: a browser has six connections to one server, so only the tab last looked at keeps its streams. */

/** Calls `shown` when this tab is looked at, and `left` when another one is. */
export function setUpTabs({ shown, left }) {
  const tabs = new BroadcastChannel("procman");
  const here = () => {
    if (document.hidden) return;
    tabs.postMessage("here");
    shown();
  };
  tabs.addEventListener("message", () => {
    if (document.hidden) left();
  });
  document.addEventListener("visibilitychange", here);
  here();
}

/* The client of /v1. */

// Without the name and password that the page's own address may contain: fetch refuses addresses with them.
export const BASE = location.origin + location.pathname.replace(/[^/]*$/, "");

export const specPath = (spec) => `v1/processes/${encodeURIComponent(spec)}`;

/** The answer's JSON; throws an Error whose message is for people. */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(BASE + path, { method, cache: "no-store", body: body && JSON.stringify(body) });
  } catch {
    throw new Error("procman does not answer");
  }
  if (!response.ok) throw new Error(await refusal(response));
  return response.json();
}

/** A reader of an answer's text as it arrives; throws a TypeError where there is no connection. */
export async function openStream(path, signal) {
  const response = await fetch(BASE + path, { cache: "no-store", signal });
  if (!response.ok) throw new Error(await refusal(response));
  return response.body.pipeThrough(new TextDecoderStream()).getReader();
}

async function refusal(response) {
  const text = await response.text().catch(() => "");
  try {
    const { code, message } = JSON.parse(text).error;
    return code === "BAD_NAME" ? "There is no such process" : message;
  } catch {
    return text.trim() || `${response.status} ${response.statusText}`;
  }
}

// Asks the server in the name of whoever this page was made for, and of nobody else.

const PATIENCE_MILLISECONDS = 10_000;
// What browsers send even if the page goes away meanwhile.
const KEPT_ALIVE_BYTES = 60_000;

const form = document.getElementById("release-form");

/** Whose page this is; nobody's, if the session had ended when it was made. */
export const owner = form.dataset.owner ?? "";

/** Why the server did not do as asked: "offline", "signed-out", "stranger" or "refused". */
export class AskError extends Error {
  constructor(kind, message = "") {
    super(message);
    this.kind = kind;
  }
}

/** Sends JSON and gives the JSON that comes back. Raises AskError. */
export async function ask(url, method = "GET", body = undefined) {
  let { answer, content } = await send(url, method, body);
  if (content.code === "csrf_failed") {
    // Signed in again in another tab, or open for a day.
    await renewToken();
    ({ answer, content } = await send(url, method, body));
  }
  if (answer.status === 401) throw new AskError("signed-out");
  if (answer.status >= 500 || answer.status === 429) throw new AskError("offline");
  if (!answer.ok) throw new AskError("refused", content.message);
  if (content.owner !== owner) throw new AskError("stranger");
  return content;
}

async function send(url, method, body) {
  const text = body && JSON.stringify(body);
  const headers = { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value };
  const keepalive = document.hidden && (text?.length ?? 0) < KEPT_ALIVE_BYTES;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    const answer = await fetch(url, { method, headers, body: text, keepalive, signal, redirect: "manual" });
    return { answer, content: await readJson(answer) };
  } catch {
    throw new AskError("offline");
  }
}

async function readJson(answer) {
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  return isJson ? answer.json() : {};
}

/** Asks who is signed in in this browser now, and with which token a form is sent. Raises AskError. */
export async function findSender() {
  const { answer, content } = await send(form.dataset.senderUrl, "GET");
  if (!answer.ok || !content.csrfToken) throw new AskError("offline");
  return content;
}

/** Puts a token into the page that the server takes. Raises AskError if the page is not this session's. */
export async function renewToken() {
  const sender = await findSender();
  if (!sender.owner) throw new AskError("signed-out");
  if (sender.owner !== owner) throw new AskError("stranger");
  for (const field of document.querySelectorAll('[name="csrf_token"]')) field.value = sender.csrfToken;
}

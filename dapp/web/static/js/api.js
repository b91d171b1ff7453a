// Requests to this server: the token of this run goes with each, and an error arrives as one with its fix.

export const token = () => document.querySelector('meta[name="quorate-token"]').content;
export const chainId = () => Number(document.querySelector('meta[name="quorate-chain"]').content);

export class Refused extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.fix = error.fix;
    this.retryable = Boolean(error.retryable);
  }
}

const unreadable = { code: "unreadable", message: "The server answered something that cannot be read.", fix: "Reload the page." };
const unreachable = { code: "unreachable", message: "The server does not answer.", fix: "Start it again with `quorate web`, then reload.", retryable: true };

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "omit", redirect: "error", ...options });
  } catch {
    throw new Refused(0, unreachable);
  }
  let value;
  try {
    value = await answer.json();
  } catch {
    throw new Refused(answer.status, unreadable);
  }
  if (!answer.ok) throw new Refused(answer.status, value.error ?? unreadable);
  return value;
}

export const get = (path) => ask(path, { headers: { Accept: "application/json" } });

export const post = (path, value) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Quorate-Token": token() },
    body: JSON.stringify(value),
  });

export const upload = (path, file) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream", "X-Quorate-Token": token() },
    body: file,
  });

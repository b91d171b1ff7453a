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

async function ask(path, options, take = (answer) => answer.json()) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "omit", redirect: "error", ...options });
  } catch {
    throw new Refused(0, unreachable);
  }
  let value;
  try {
    value = await (answer.ok ? take(answer) : answer.json());
  } catch {
    throw new Refused(answer.status, unreadable);
  }
  if (!answer.ok) throw new Refused(answer.status, value.error ?? unreadable);
  return value;
}

export const get = (path) => ask(path, { headers: { Accept: "application/json" } });

const posted = (body, type) => ({ method: "POST", headers: { "Content-Type": type, "X-Quorate-Token": token() }, body });

export const post = (path, value) => ask(path, posted(JSON.stringify(value), "application/json"));
export const upload = (path, file) => ask(path, posted(file, "application/octet-stream"));

// The bytes that a request is answered with.
export const download = (path, value) => ask(path, posted(JSON.stringify(value), "application/json"), (answer) => answer.arrayBuffer());

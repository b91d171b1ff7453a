// Lists of accounts: pasted or from a file, and taken in by the server, which works out their roots.

import { post } from "./api.js";

const MAX_BYTES = 1_000_000;

// What stands in the field, else in the chosen file.
export async function listText(field, file) {
  const text = document.getElementById(field).value;
  const chosen = document.getElementById(file).files[0];
  return text.trim() || !chosen ? text : fileText(chosen);
}

export async function fileText(chosen) {
  if (chosen.size > MAX_BYTES) throw new Error("This file is too large for a list of accounts.");
  return chosen.text();
}

// Its root and how many accounts it has; salt: where it is the list of a pool, and the pool's id then.
export async function takeIn(text, salt = null) {
  return (await post("/act/lists", salt === null ? { text } : { text, pool_salt: salt })).done;
}

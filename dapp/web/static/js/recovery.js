// Recovery files: what opens a sealed ballot, enciphered here by a passphrase that leaves neither page nor person.
// AES-256-GCM under a key of PBKDF2-SHA-256, both the browser's own; what the file is about is in clear, and authentic.

import { post } from "./api.js";
import { el } from "./dom.js";
import { toBytes, toHex, text } from "./sign/bytes.js";

const FORMAT = "quorate/recovery/1";
const ITERATIONS = 600_000;
const MIN_PASSPHRASE = 8;
const MAX_FILE_BYTES = 20_000;
const CLEAR = ["chain_id", "board", "task", "account"];

class RecoveryFault extends Error {}

async function keyOf(passphrase, salt, iterations) {
  const material = await crypto.subtle.importKey("raw", text(passphrase), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(how, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function aboutOf(value) {
  return Object.fromEntries(CLEAR.map((name) => [name, value[name]]));
}

export async function encipher(secret, passphrase) {
  const [salt, iv] = [crypto.getRandomValues(new Uint8Array(16)), crypto.getRandomValues(new Uint8Array(12))];
  const about = aboutOf(secret);
  const key = await keyOf(passphrase, salt, ITERATIONS);
  const content = text(JSON.stringify({ scores_ppm: secret.scores_ppm, salt: secret.salt }));
  const how = { name: "AES-GCM", iv, additionalData: text(JSON.stringify([FORMAT, about])) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(how, key, content));
  return { format: FORMAT, ...about, iterations: ITERATIONS, kdf_salt: toHex(salt), iv: toHex(iv), content: toHex(sealed) };
}

export async function decipher(file, passphrase) {
  if (file?.format !== FORMAT) throw new RecoveryFault("This is no recovery file.");
  if (!(Number.isInteger(file.iterations) && file.iterations >= 100_000 && file.iterations <= 5_000_000))
    throw new RecoveryFault("This recovery file is damaged.");
  const about = aboutOf(file);
  const key = await keyOf(passphrase, toBytes(file.kdf_salt), file.iterations);
  const how = { name: "AES-GCM", iv: toBytes(file.iv), additionalData: text(JSON.stringify([FORMAT, about])) };
  let content;
  try {
    content = await crypto.subtle.decrypt(how, key, toBytes(file.content));
  } catch {
    throw new RecoveryFault("The passphrase does not open this file, or the file was changed.");
  }
  return { ...about, ...JSON.parse(new TextDecoder().decode(content)) };
}

// Asks in a dialog; work(form) may throw, and the dialog stays open with the reason.
function asked(title, tells, inputs, verb, work, opener) {
  return new Promise((resolve) => {
    const trouble = el("p", { class: "bad", role: "alert", hidden: true, id: "recovery-trouble" });
    const agree = el("button", { class: "button", id: "recovery-go" }, verb);
    const form = el(
      "form",
      {
        async onsubmit(event) {
          event.preventDefault();
          agree.disabled = true;
          try {
            resolve(await work(form.elements));
            dialog.close();
          } catch (error) {
            trouble.textContent = `${error.message} ${error.fix ?? ""}`;
            trouble.hidden = false;
            agree.disabled = false;
          }
        },
      },
      ...inputs,
      trouble,
      el("p", { class: "actions" }, agree, " ", el("button", { type: "button", class: "button quiet", onclick: () => dialog.close() }, "Cancel")),
    );
    const dialog = el("dialog", { class: "sheet", "aria-labelledby": "recovery-title" }, el("h2", { id: "recovery-title" }, title), el("p", {}, tells), form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener?.focus();
      resolve(null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function passphraseInput(autocomplete) {
  const input = el("input", { type: "password", name: "passphrase", required: true, minlength: MIN_PASSPHRASE, autocomplete, id: "passphrase" });
  return el("label", {}, el("span", { class: "label" }, `Passphrase, ${MIN_PASSPHRASE} characters or more`), input);
}

export function exportBallot(about, opener) {
  return asked(
    "Save a recovery file",
    "It opens your ballot on any machine, if this one is lost. Without the passphrase it tells nobody your scores.",
    [passphraseInput("new-password")],
    "Save the file",
    async (form) => {
      const file = await encipher(await post("/act/vote/secret", about), form.passphrase.value);
      const address = URL.createObjectURL(new Blob([JSON.stringify(file, null, 2)], { type: "application/json" }));
      const link = el("a", { href: address, download: `${about.task.slice(2, 10)}-${about.account.slice(2, 8)}.quorate-ballot.json` });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      return true;
    },
    opener,
  );
}

export function importBallot(about, opener) {
  const file = el("input", { type: "file", name: "file", required: true, accept: ".json", id: "recovery-file" });
  return asked(
    "Import a recovery file",
    "It is taken in only if it opens the ballot that this account has sealed.",
    [el("label", {}, el("span", { class: "label" }, "Recovery file"), file), passphraseInput("current-password")],
    "Import it",
    async (form) => {
      const chosen = form.file.files[0];
      if (chosen.size > MAX_FILE_BYTES) throw new RecoveryFault("This is no recovery file: it is too large.");
      let value;
      try {
        value = JSON.parse(await chosen.text());
      } catch {
        throw new RecoveryFault("This is no recovery file.");
      }
      const secret = await decipher(value, form.passphrase.value);
      if (secret.task !== about.task) throw new RecoveryFault("This recovery file is of another task.");
      if (secret.account !== about.account) throw new RecoveryFault("This recovery file is of another account.");
      await post("/act/vote/recover", secret);
      return true;
    },
    opener,
  );
}

// Recovery files: what opens a sealed ballot or model, enciphered here by a passphrase that leaves neither page nor
// person. AES-256-GCM under a key of PBKDF2-SHA-256, both the browser's own; what the file is about is in clear, and
// authentic. A model's file has its weights after the first line, enciphered too.

import { download, post, upload } from "./api.js";
import { el, toldFault } from "./dom.js";
import { toBytes, toHex, text } from "./sign/bytes.js";

const ITERATIONS = 600_000;
const MIN_PASSPHRASE = 8;
const CLEAR = ["chain_id", "board", "task", "account"];
const PART = "weights";

// What can be recovered. bytes: of the enciphered document, at most.
const KINDS = {
  ballot: {
    format: "quorate/recovery/1",
    bytes: 20_000,
    path: "/act/vote",
    tells: "It opens your ballot on any machine, if this one is lost. Without the passphrase it tells nobody your scores.",
  },
  model: {
    format: "quorate/model-recovery/1",
    bytes: 700_000,
    partBytes: 69_000_000,
    path: "/act/commit",
    tells: "It holds your model, and opens it on any machine, if this one is lost. Without the passphrase it tells nobody anything about it.",
  },
};

class RecoveryFault extends Error {}

async function keyOf(passphrase, salt, iterations) {
  const material = await crypto.subtle.importKey("raw", text(passphrase), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(how, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

const random = (size) => crypto.getRandomValues(new Uint8Array(size));
const aboutOf = (value) => Object.fromEntries(CLEAR.map((name) => [name, value[name]]));
const contentOf = (value) => Object.fromEntries(Object.entries(value).filter(([name]) => !CLEAR.includes(name)));
const cipher = (iv, ...authentic) => ({ name: "AES-GCM", iv, additionalData: text(JSON.stringify(authentic)) });

// The file of a secret, as the parts of a Blob. part: bytes that go with it, or null.
export async function encipher({ format }, secret, part, passphrase) {
  const [salt, iv, partIv, about] = [random(16), random(12), random(12), aboutOf(secret)];
  const key = await keyOf(passphrase, salt, ITERATIONS);
  const content = await crypto.subtle.encrypt(cipher(iv, format, about), key, text(JSON.stringify(contentOf(secret))));
  const head = { format, ...about, iterations: ITERATIONS, kdf_salt: toHex(salt), iv: toHex(iv), content: toHex(new Uint8Array(content)) };
  if (!part) return [JSON.stringify(head, null, 2)];
  const enciphered = await crypto.subtle.encrypt(cipher(partIv, format, about, PART), key, part);
  return [JSON.stringify({ ...head, [`${PART}_iv`]: toHex(partIv) }), "\n", enciphered];
}

export async function decipher({ format }, head, part, passphrase) {
  if (head?.format !== format) throw new RecoveryFault("This is no recovery file of this kind.");
  if (!(Number.isInteger(head.iterations) && head.iterations >= 100_000 && head.iterations <= 5_000_000))
    throw new RecoveryFault("This recovery file is damaged.");
  const about = aboutOf(head);
  try {
    const key = await keyOf(passphrase, toBytes(head.kdf_salt), head.iterations);
    const content = await crypto.subtle.decrypt(cipher(toBytes(head.iv), format, about), key, toBytes(head.content));
    const opened = part && (await crypto.subtle.decrypt(cipher(toBytes(head[`${PART}_iv`]), format, about, PART), key, part));
    return { secret: { ...about, ...JSON.parse(new TextDecoder().decode(content)) }, part: opened };
  } catch {
    throw new RecoveryFault("The passphrase does not open this file, or the file was changed.");
  }
}

// A file as it was chosen: its document, and, for kinds that have one, the part after the first line.
async function read(kind, file) {
  const start = new Uint8Array(await file.slice(0, kind.bytes + 1).arrayBuffer());
  const end = kind.partBytes ? start.indexOf(10) : start.length;
  if (end < 0 || end > kind.bytes || file.size > kind.bytes + (kind.partBytes ?? 0)) throw new RecoveryFault("This is no recovery file of this kind.");
  try {
    const head = JSON.parse(new TextDecoder().decode(start.subarray(0, end)));
    return [head, kind.partBytes ? await file.slice(end + 1).arrayBuffer() : null];
  } catch {
    throw new RecoveryFault("This is no recovery file of this kind.");
  }
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
            trouble.replaceChildren(...toldFault(error));
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

// name: ballot or model.
export function save(name, about, opener) {
  const kind = KINDS[name];
  return asked(
    "Save a recovery file",
    kind.tells,
    [passphraseInput("new-password")],
    "Save the file",
    async (form) => {
      const secret = await post(`${kind.path}/secret`, about);
      const part = kind.partBytes ? await download(`${kind.path}/${PART}`, about) : null;
      const parts = await encipher(kind, secret, part, form.passphrase.value);
      const address = URL.createObjectURL(new Blob(parts, { type: part ? "application/octet-stream" : "application/json" }));
      const link = el("a", { href: address, download: `${about.task.slice(2, 10)}-${about.account.slice(2, 8)}.quorate-${name}${part ? "" : ".json"}` });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      return true;
    },
    opener,
  );
}

export function bring(name, about, opener) {
  const kind = KINDS[name];
  const file = el("input", { type: "file", name: "file", required: true, accept: `.json,.quorate-${name}`, id: "recovery-file" });
  return asked(
    "Import a recovery file",
    `It is taken in only if it opens the ${name} that this account has sealed.`,
    [el("label", {}, el("span", { class: "label" }, "Recovery file"), file), passphraseInput("current-password")],
    "Import it",
    async (form) => {
      const { secret, part } = await decipher(kind, ...(await read(kind, form.file.files[0])), form.passphrase.value);
      if (secret.task !== about.task) throw new RecoveryFault("This recovery file is of another task.");
      if (secret.account !== about.account) throw new RecoveryFault("This recovery file is of another account.");
      await post(`${kind.path}/recover`, part ? await uploaded(kind, secret, part) : secret);
      return true;
    },
    opener,
  );
}

// The two files of a model go up before what opens it: they are too large for one request's document.
async function uploaded(kind, { manifest, ...secret }, weights) {
  const place = `${kind.path}/upload/${secret.task}/${secret.account}`;
  await upload(`${place}/manifest`, new Blob([manifest]));
  const { folder } = (await upload(`${place}/weights`, new Blob([weights]))).done;
  return { ...secret, folder };
}

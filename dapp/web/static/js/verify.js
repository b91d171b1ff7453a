// Hashes an entry's header in this browser and holds it, and what the page shows of it, against its bytes.

const bytesOf = (hex) => Uint8Array.from(hex.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hexOf = (bytes) => "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const card = document.getElementById("verify");
const verdict = document.getElementById("verdict");

function say(tone, word, text) {
  const tag = document.createElement("span");
  tag.className = `tag ${tone}`;
  tag.textContent = word;
  verdict.replaceChildren(tag, ` ${text}`);
}

async function verify() {
  const header = bytesOf(card.dataset.header);
  const words = [0, 1, 2, 3, 4, 5].map((at) => hexOf(header.slice(32 * at, 32 * at + 32)));
  const given = [...card.querySelectorAll("code[title]")].map((code) => code.title);
  const zero = "0x" + "00".repeat(32);
  const missing = words.slice(0, 5).filter((word) => word !== zero && !given.includes(word));
  const id = hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", header)));
  if (header.length !== 224) say("bad", "wrong", "A header has 224 bytes; these are " + header.length + ".");
  else if (id !== card.dataset.id) say("bad", "wrong", `These bytes hash to ${id}: this is not the entry it claims to be.`);
  else if (missing.length) say("bad", "wrong", "What is shown here is not what the bytes say.");
  else say("good", "verified", "This browser hashed the 224 bytes: they are this entry, and hold what is shown.");
}

verify().catch(() => say("wait", "not verified", "This browser cannot hash here."));

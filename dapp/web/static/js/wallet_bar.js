// The corner of each page where the wallet is connected, and the note when it is on another network.

import { chainId } from "./api.js";
import { el, say } from "./dom.js";
import { changed, isOnChain, signingBook, wallet, wallets } from "./session.js";
import { short } from "./words.js";

const place = document.getElementById("wallet");

function icon(info) {
  return info.icon ? el("img", { src: info.icon, alt: "", width: 18, height: 18 }) : null;
}

async function connect(info) {
  say(`Waiting for ${info.name}.`, "", "Answer there.");
  try {
    await wallet.connect(info);
    say("");
  } catch (fault) {
    say(fault.title ?? fault.message, "bad", fault.advice);
  }
}

async function switchNetwork() {
  try {
    await wallet.useChain((await signingBook()).network);
    say("");
  } catch (fault) {
    say(fault.title ?? fault.message, "bad", fault.advice ?? fault.fix);
  }
}

function choose() {
  const list = wallets.found.map((info) =>
    el("li", {}, el("button", { type: "button", class: "button quiet", onclick: () => { dialog.close(); connect(info); } }, icon(info), ` ${info.name}`)),
  );
  const dialog = el(
    "dialog",
    { "aria-labelledby": "choose-title", onclose: () => dialog.remove() },
    el("h2", { id: "choose-title" }, "Which wallet?"),
    el("ul", { class: "wallets" }, ...list),
    el("form", { method: "dialog" }, el("button", { class: "button quiet" }, "Cancel")),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function disconnected() {
  const found = wallets.found;
  if (found === null) return [el("span", { class: "quiet" }, "Looking for a wallet…")];
  if (!found.length)
    return [
      el("button", { type: "button", class: "button quiet", disabled: true, "aria-describedby": "no-wallet" }, "No wallet"),
      el("span", { class: "why", id: "no-wallet" }, "Install a browser wallet to act here; everything can be read without."),
    ];
  const start = () => (found.length === 1 ? connect(found[0]) : choose());
  return [el("button", { type: "button", class: "button", id: "connect", onclick: start }, "Connect wallet")];
}

function connected() {
  const parts = [
    icon(wallet.info),
    el("a", { href: `/desk?account=${wallet.account}`, title: wallet.account, id: "account" }, el("code", {}, short(wallet.account))),
    el("button", { type: "button", class: "icon", onclick: () => wallet.disconnect(), "aria-label": "Forget the wallet on this page" }, "✕"),
  ];
  if (isOnChain()) return parts;
  return [
    el("span", { class: "tag bad", id: "wrong-network" }, `Network ${wallet.chainId}`),
    el("button", { type: "button", class: "button", id: "switch", onclick: switchNetwork }, `Switch to ${chainId()}`),
    ...parts,
  ];
}

function draw() {
  place.replaceChildren(...(wallet.isConnected ? connected() : disconnected()).filter(Boolean));
}

changed.addEventListener("change", draw);
wallet.addEventListener("silent", () =>
  say("Your wallet has not answered for a while.", "", "Open it: a question may wait there, or be hidden behind another window."),
);
draw();

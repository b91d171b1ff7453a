// What every page does: stay live, tell how old it is, count down, copy.
import { Stream } from "./stream.js";
import { span } from "./words.js";

const body = document.body;
const state = { block: Number(body.dataset.block), at: Number(body.dataset.at), heard: Date.now(), trouble: null, gone: null };
const STALE_MS = 15_000;

function tick() {
  const elapsed = (Date.now() - state.heard) / 1000;
  for (const element of document.querySelectorAll("time[data-at]")) {
    const left = Number(element.dataset.at) - (state.at + elapsed);
    element.textContent = left > 0.5 ? `in ${span(left)}` : left < -0.5 ? `${span(-left)} ago` : "now";
  }
  const age = document.getElementById("as-of-age");
  if (age) age.textContent = `${Math.round(elapsed)} s ago`;
  showTrouble(Boolean(state.trouble ?? state.gone) || !news.isOpen && Date.now() - state.heard > STALE_MS);
}

function showTrouble(is) {
  const banner = document.getElementById("stale");
  if (!banner || banner.hidden === !is) return;
  document.getElementById("stale-why").textContent =
    state.trouble ?? state.gone ?? "The server is not heard of: it may have ended. This page goes on when it is back.";
  banner.hidden = !is;
}

const isBusy = () => {
  const at = document.activeElement;
  return Boolean(at && at.closest("main") && at.matches("input, select, textarea")) || Boolean(document.querySelector("main details[open] form"));
};

// The same page again, read as a document: nothing of it is run, and only what is in <main> is taken over.
function refresh() {
  const main = document.querySelector("main[data-live]");
  if (!main || isBusy()) return;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.setRequestHeader("Accept", "text/html");
  request.onload = () => {
    const fresh = request.response?.querySelector("main");
    state.gone = request.status === 200 ? null : request.status === 404 ? "What it shows is not on this chain any more." : "The chain does not tell what it shows: it may have been started anew.";
    if (request.status !== 200 || !fresh || isBusy()) return tick();
    const open = [...main.querySelectorAll("details[id][open]")].map((each) => each.id);
    const focused = document.activeElement?.id;
    main.replaceChildren(...document.importNode(fresh, true).childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("quorate:fresh"));
    tick();
  };
  request.send();
}

const news = new Stream("/events", "block");
news.addEventListener("block", (message) => {
  const said = JSON.parse(message.data);
  const moved = said.block !== state.block || said.reorganised;
  Object.assign(state, { block: said.block, at: said.at_s, heard: Date.now(), trouble: said.trouble });
  const shown = document.getElementById("as-of-block");
  if (shown) shown.textContent = said.block;
  document.dispatchEvent(new CustomEvent("quorate:block", { detail: said }));
  if (!performance.getEntriesByName("quorate:live").length) performance.mark("quorate:live"); // for `make bench-web`
  if (moved) refresh();
  tick();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.textContent;
  button.textContent = "✓";
  setTimeout(() => { button.textContent = before; }, 1200);
});

setInterval(tick, 1000);

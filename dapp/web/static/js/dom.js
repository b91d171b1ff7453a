// Building parts of pages: text is always text.

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// A message as a sentence: what stands between backticks is code.
export function told(text) {
  const said = String(text ?? "").trim();
  const end = /^$|[.?…`]$/.test(said) ? "" : ".";
  return (said.slice(0, 1).toUpperCase() + said.slice(1) + end).split("`").map((part, at) => (at % 2 ? el("code", {}, part) : part));
}

// What went wrong, and what helps.
export const toldFault = (error) => [...told(error.message), " ", ...told(error.fix)];

// Says something to everyone, screen readers too; stays until the next thing is said.
export function say(text, tone = "", advice = "") {
  let place = document.getElementById("said");
  if (!place) {
    place = el("div", { id: "said", role: "status", "aria-live": "polite" });
    document.querySelector("header.top").after(place);
  }
  place.className = `banner ${tone}`;
  place.hidden = !text;
  place.replaceChildren(el("strong", {}, ...told(text)), " ", ...told(advice));
}

const LATER = "quorate.said";

// Said after the page was loaded anew.
export function sayLater(text, tone = "", advice = "") {
  sessionStorage.setItem(LATER, JSON.stringify([text, tone, advice]));
}

const kept = sessionStorage.getItem(LATER);
if (kept) {
  sessionStorage.removeItem(LATER);
  say(...JSON.parse(kept));
}

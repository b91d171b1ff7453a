// The form that opens a task: escrow and gas beside it as it is filled in, then the one transaction.

import { act } from "./act.js";
import { get } from "./api.js";
import { el, say } from "./dom.js";
import { fileText, takeIn } from "./lists.js";
import { changed, isOnChain, wallet } from "./session.js";
import { ether, grouped } from "./sign/shown.js";

const form = document.getElementById("new-task");
const button = document.getElementById("act-open-task");
const why = document.getElementById("why-open-task");

// A decimal number as typed, to whole units of its last digit; null when it is none or has too many digits.
function scaled(text, digits) {
  const match = /^(\d{1,11})(?:[.,](\d*))?$/.exec(text.trim());
  if (!match || (match[2] ?? "").length > digits) return null;
  return BigInt(match[1]) * 10n ** BigInt(digits) + BigInt((match[2] ?? "").padEnd(digits, "0") || 0);
}

const field = (name) => form.elements[name];
const wei = (name) => scaled(field(name).value, 18);
const whole = (name) => scaled(field(name).value, 0);

function seconds(name) {
  const value = Number(field(name).value) * 60;
  return Number.isFinite(value) && value >= 0 ? Math.round(value) : null;
}

function terms() {
  const values = {
    mafr_ppm: scaled(field("mafr").value, 4),
    reward_wei: wei("reward"),
    fee_wei: wei("fee"),
    bond_wei: wei("bond"),
    cap: whole("cap"),
    committee: whole("committee"),
    pool_salt: whole("pool_salt"),
    ...Object.fromEntries(["notice", "submit", "open", "draw", "vote", "ballot"].map((name) => [`${name}_s`, seconds(name)])),
  };
  const missing = Object.entries(values).find(([, value]) => value === null);
  if (missing) return { wrong: missing[0].replace(/_(wei|ppm|s)$/, "") };
  if (!field("name").value.trim()) return { wrong: "name" };
  const text = (value) => String(value);
  return {
    account: wallet.account,
    name: field("name").value.trim(),
    dataset: field("dataset").value,
    scenario: Number(field("scenario").value),
    rule: field("rule").value,
    fusion: field("fusion").value,
    ...values,
    mafr_ppm: Number(values.mafr_ppm),
    cap: Number(values.cap),
    committee: Number(values.committee),
    pool_salt: Number(values.pool_salt),
    reward_wei: text(values.reward_wei),
    fee_wei: text(values.fee_wei),
    bond_wei: text(values.bond_wei),
  };
}

function showEscrow() {
  const [reward, fee, bond, committee] = [wei("reward"), wei("fee"), wei("bond"), whole("committee")];
  const known = [reward, fee, bond, committee].every((value) => value !== null);
  document.getElementById("pot").textContent = known ? ether(reward + fee * committee + bond) : "–";
  document.getElementById("pot-parts").textContent = known ? `${ether(reward)} of reward, ${ether(fee * committee)} of fees, ${ether(bond)} of bond` : "–";
}

// Lists are taken in as they are written: the task names them by their roots. Of each field: the text that was taken,
// and what the server says of it. A browser fills fields in again without a word (a page that comes back), and a file
// is read slowly: what counts is what stands in the field when the task is opened.
const ANYONE = `0x${"0".repeat(64)}`;
const NOTHING = { text: "", root: Promise.resolve(ANYONE) };
const taken = { contributors: NOTHING, allow_list: NOTHING };
const reading = {};

function take(name) {
  const text = field(name).value;
  told(name, text.trim() ? "…" : "anyone");
  field(name).removeAttribute("aria-invalid");
  taken[name] = { text, root: text.trim() ? rootOf(name, text) : Promise.resolve(ANYONE) };
}

function told(name, text, tone = "why") {
  const place = document.getElementById(`root-${name}`);
  [place.textContent, place.className] = [text, tone];
}

async function rootNow(name) {
  await reading[name];
  if (field(name).value !== taken[name].text) take(name);
  return taken[name].root;
}

async function rootOf(name, text) {
  try {
    const { root, accounts } = await takeIn(text);
    if (field(name).value === text) told(name, `${accounts} accounts, root ${root}`);
    return root;
  } catch (error) {
    told(name, `${error.message} ${error.fix ?? ""}`, "why bad");
    return null;
  }
}

for (const name of Object.keys(taken)) {
  field(name).addEventListener("change", () => take(name));
  const file = document.getElementById(`file-${name}`);
  const read = async () => {
    try {
      field(name).value = await fileText(file.files[0]);
      take(name);
    } catch (error) {
      file.value = ""; // it can be chosen again
      taken[name] = { text: field(name).value, root: Promise.resolve(null) };
      told(name, error.message, "why bad");
    }
  };
  file.addEventListener("change", () => {
    if (file.files[0]) reading[name] = read();
  });
  if (field(name).value) take(name);
}

let asked = "";
let later;

function estimate() {
  showEscrow();
  clearTimeout(later);
  later = setTimeout(async () => {
    const [verifiers, models] = [Number(field("committee").value), Number(field("cap").value)];
    const path = `/estimate.json?verifiers=${Math.min(100, verifiers)}&models=${models}`;
    if (path === asked || !(verifiers >= 1) || !(models >= 1)) return;
    asked = path;
    const place = document.getElementById("gas");
    try {
      const bill = await get(path);
      if (path !== asked) return;
      const rows = bill.roles.map((role) =>
        el("tr", {}, el("th", { scope: "row" }, role.role, el("span", { class: "sub" }, `${role.people} of them`)), el("td", { class: "n" }, grouped(role.gas_each)), el("td", { class: "n" }, role.money_each)),
      );
      const head = el("tr", {}, ...["Each", "gas", "money"].map((name, i) => el("th", { scope: "col", class: i ? "n" : "" }, name)));
      place.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)), el("p", { class: "why" }, `${grouped(bill.gas)} gas together; ${bill.prices}`));
    } catch (error) {
      place.textContent = `${error.message} ${error.fix ?? ""}`;
      if (error.status !== 503 || path !== asked) return;
      asked = "";
      later = setTimeout(estimate, 3000);
    }
  }, 400);
}

function check() {
  const stop = !wallet.isConnected ? "Connect your wallet first." : !isOnChain() ? "Your wallet is on another network." : "";
  button.setAttribute("aria-disabled", stop ? "true" : "false");
  why.textContent = stop;
  why.hidden = !stop;
}

form.addEventListener("input", estimate);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  const given = terms();
  for (const name of Object.keys(taken)) {
    const root = await rootNow(name);
    if (root === null) given.wrong ??= name;
    given[name] = root;
  }
  if (given.wrong) {
    const input = field(given.wrong);
    const isList = given.wrong in taken;
    say(isList ? "This list cannot be read." : "This value cannot be read.", "bad", isList ? "Write one account a line." : "Write a number, with a point before its fraction.");
    input.setAttribute("aria-invalid", "true");
    return input.focus();
  }
  const done = await act("/act/task/open", given, "Your task is open.", button);
  if (done) location.assign(`/tasks/${done.task}`);
});
form.addEventListener("change", (event) => event.target.removeAttribute("aria-invalid"));
changed.addEventListener("change", check);
check();
estimate();
form.dataset.ready = "";

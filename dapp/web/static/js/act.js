// One act from button to chain: the server runs the stage up to what is to be signed, the sheet shows that, the wallet
// signs it, and the chain's state, not a transaction's hash, tells that it is done.

import { chainId, post } from "./api.js";
import { el, sayLater, told } from "./dom.js";
import { isAccount, isOnChain, signingBook, wallet } from "./session.js";
import { checksummed } from "./sign/abi.js";
import { sheetOfCall, sheetOfMessage } from "./sign/sheet.js";
import { ether, grouped } from "./sign/shown.js";
import { WalletFault } from "./wallet.js";

const LOOK_MS = 1_000;
const SLOW_MS = 15_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const HEX = { digest: "EIP-712 digest", domain: "Domain hash", message: "Message hash", calldata: "Calldata digest (ERC-8213)" };

// Runs the act until it is done. opener: gets the focus back.
export async function act(path, body, said, opener) {
  const dialog = new Sheet(opener);
  try {
    checkWallet(body.account);
    const answer = await carryOut(path, body, dialog);
    dialog.close();
    if (answer !== null && said) sayLater(said, "good");
    return answer;
  } catch (error) {
    if (error === DECLINED) dialog.close();
    else dialog.fail(error);
    return null;
  }
}

const DECLINED = Symbol("declined on the sheet");

function checkWallet(account) {
  if (!wallet.isConnected) throw new WalletFault("No wallet is connected.", "Connect it in the corner above.");
  if (!isAccount(account))
    throw new WalletFault("Your wallet is at another account.", `This page is of ${account}: switch back in the wallet, or open the page of the other account.`);
  if (!isOnChain())
    throw new WalletFault("Your wallet is on another network.", `Switch it to network ${chainId()} with the button above.`);
}

async function carryOut(path, body, dialog) {
  let sent = null;
  let since = 0;
  for (;;) {
    const answer = await post(path, body);
    if (answer.done) return answer.done;
    const wanted = JSON.stringify(answer.sign.transaction ?? answer.sign.message);
    if (wanted !== sent) {
      const result = await signed(answer.sign, dialog);
      if (answer.sign.kind === "message") return { signature: result };
      [sent, since] = [wanted, Date.now()];
      dialog.wait(result);
    } else if (Date.now() - since > SLOW_MS) dialog.slow();
    await pause(LOOK_MS);
  }
}

// Shows the sheet, and on agreement hands to the wallet exactly what it shows.
async function signed(sign, dialog) {
  const book = await signingBook();
  if (sign.kind === "message") {
    const message = deepFrozen(structuredClone(sign.message));
    checkDomain(book, message.domain);
    await dialog.show(sheetOfMessage(book, message), sign);
    dialog.ask();
    await wallet.look();
    checkWallet(sign.account);
    return wallet.request("eth_signTypedData_v4", [sign.account, JSON.stringify(message)]);
  }
  const { from, to, data, value, chainId: network } = sign.transaction;
  const transaction = Object.freeze({ from, to, data, value, chainId: network }); // what the sheet does not show is not handed over
  if (Number(transaction.chainId) !== chainId()) throw new WalletFault("The server asks for another network.", "Reload the page.");
  await dialog.show(sheetOfCall(book, transaction), sign);
  dialog.ask();
  await wallet.look();
  checkWallet(transaction.from);
  return wallet.request("eth_sendTransaction", [transaction]);
}

// A message counts only where its domain says; the sheet speaks of our contracts on this network.
function checkDomain(book, domain) {
  const isOurs = book.contracts.some((each) => each.address.toLowerCase() === domain?.verifyingContract?.toLowerCase());
  if (!isOurs || Number(domain.chainId) !== chainId()) throw new WalletFault("The server asks for a signature that counts elsewhere.", "Do not sign it. Reload the page.");
}

function deepFrozen(value) {
  Object.values(value).forEach((each) => typeof each === "object" && each !== null && deepFrozen(each));
  return Object.freeze(value);
}

// The dialog in which one act goes on.
class Sheet {
  #dialog;
  #decline = () => {};

  constructor(opener) {
    this.#dialog = el("dialog", { class: "sheet", "aria-labelledby": "sheet-says", id: "sheet" });
    this.#dialog.addEventListener("close", () => {
      this.#decline();
      this.#dialog.remove();
      opener?.focus();
    });
    this.#fill(el("h2", { id: "sheet-says" }, "One moment…"));
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  close() {
    this.#decline = () => {};
    this.#dialog.close();
  }

  show(sheet, sign) {
    return new Promise((resolve, reject) => {
      this.#decline = () => reject(DECLINED);
      const agree = el("button", { type: "button", class: "button", id: "sign", onclick: () => { this.#decline = () => {}; resolve(); } }, "Sign in wallet");
      this.#fill(
        el("h2", { id: "sheet-says" }, sheet.says),
        sheet.then ? el("p", { class: "quiet", id: "sheet-then" }, sheet.then) : null,
        ...estimate(sign, sheet),
        details("Every field of what you sign", fields(sheet, sign), true),
        details("Compare with your wallet", digests(sheet, sign), true),
        sign.cli ? details("The same from the command line", el("pre", { tabindex: 0 }, el("code", { id: "sheet-cli" }, sign.cli)), false) : null,
        el("p", { class: "actions" }, agree, " ", this.#closing("Cancel")),
      );
      agree.focus({ preventScroll: true });
      this.#dialog.scrollTop = 0;
    });
  }

  ask() {
    this.#decline = () => {};
    this.#fill(el("h2", { id: "sheet-says" }, "Answer in your wallet."), el("p", {}, "It asks for what you have just read. This page goes on by itself."), el("p", { class: "actions" }, this.#closing("Hide this")));
  }

  wait(hash) {
    this.#fill(
      el("h2", { id: "sheet-says" }, "Handed over."),
      el("p", {}, "This page waits until the chain shows it, and goes on by itself."),
      el("p", { class: "quiet", id: "sheet-slow", hidden: true }, "Not on the chain yet. If your account is a contract wallet, its other owners have to sign first; you may close this, nothing is lost."),
      el("p", {}, "Your wallet calls it ", el("code", { id: "sheet-hash" }, String(hash).slice(0, 80)), "."),
      el("p", { class: "actions" }, this.#closing("Hide this")),
    );
  }

  slow() {
    const note = document.getElementById("sheet-slow");
    if (note) note.hidden = false;
  }

  fail(error) {
    if (!this.#dialog.isConnected) return;
    const advice = error.advice ?? error.fix ?? "Nothing was signed. Reload the page and try again.";
    const code = error.code === undefined || error.code === null ? "" : ` (${error.code})`;
    const detail = error.detail && error.detail !== error.message ? el("p", { class: "quiet" }, error.detail + code) : code ? el("p", { class: "quiet" }, `Code${code}`) : null;
    this.#fill(
      el("h2", { id: "sheet-says" }, ...told(error.title ?? error.message)),
      el("p", { id: "sheet-advice" }, ...told(advice)),
      detail,
      el("p", { class: "actions" }, this.#closing("Close")),
    );
  }

  #closing(text) {
    return el("button", { type: "button", class: "button quiet", id: "sheet-close", onclick: () => this.#dialog.close() }, text);
  }

  #fill(...parts) {
    this.#dialog.replaceChildren(...parts.filter(Boolean));
  }
}

function details(title, content, open) {
  return el("details", { open }, el("summary", {}, title), content);
}

function row(name, value, attributes = {}) {
  return el("div", {}, el("dt", {}, name), el("dd", attributes, value));
}

function fields(sheet, sign) {
  const target = sheet.contract ? [row("contract", `${sheet.contract} ${sheet.to}`), row("function", sheet.name)] : [row("message", sheet.name)];
  const account = sign.transaction?.from ?? sign.account;
  const shown = sheet.fields.map((field) =>
    row(field.label, field.shown, { "data-place": field.place, "data-value": field.value, title: field.value }),
  );
  return el("dl", { class: "fields", id: "sheet-fields" }, ...target, row("network", String(chainId())), row("account", checksummed(account)), ...shown);
}

function digests(sheet, sign) {
  const data = sign.transaction?.data ?? JSON.stringify(sign.message);
  const command = sign.transaction
    ? `quorate digest --to ${sheet.to} --value-wei ${BigInt(sign.transaction.value)} ${data}`
    : `quorate digest message.json`;
  return el(
    "div",
    { id: "sheet-digests" },
    el("dl", { class: "fields" }, ...Object.entries(sheet.digests).map(([name, value]) => row(HEX[name], value, { "data-digest": name }))),
    el("p", { class: "quiet" }, "Worked out by this page from what it hands to the wallet. From elsewhere:"),
    el("pre", { tabindex: 0 }, el("code", {}, command)),
  );
}

function estimate(sign, sheet) {
  if (!sign.estimate) return [el("p", {}, "Signing costs nothing and sends nothing.")];
  const { gas, fee_wei, receives_wei, balance_wei } = sign.estimate;
  const value = BigInt(sign.transaction.value);
  const change = BigInt(receives_wei) - value - BigInt(fee_wei);
  const parts = [
    row("You send", ether(value), { "data-change": "sends" }),
    row("Gas, estimated", `${ether(fee_wei)} (${grouped(gas)} gas)`, { "data-change": "fee" }),
  ];
  if (BigInt(receives_wei)) parts.push(row("You receive", ether(receives_wei), { "data-change": "receives" }));
  parts.push(row("Your balance changes by", `${change < 0n ? "−" : "+"}${ether(change < 0n ? -change : change)}`, { "data-change": "balance" }));
  const poor = BigInt(balance_wei) < value + BigInt(fee_wei);
  return [el("dl", { class: "fields change" }, ...parts), poor ? el("p", { class: "bad" }, `Your account has ${ether(balance_wei)}: that is not enough.`) : null];
}

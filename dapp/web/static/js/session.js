// The one wallet of this page, and what it is asked to be on.

import { chainId, get } from "./api.js";
import { Wallet, discover } from "./wallet.js";

export const wallet = new Wallet();
export const wallets = { found: null }; // null: not known yet
export const changed = new EventTarget();

let book;
export const signingBook = () => (book ??= get("/signing.json"));

export const isOnChain = () => wallet.chainId === chainId();

export function isAccount(account) {
  return wallet.account?.toLowerCase() === account?.toLowerCase();
}

const tell = () => changed.dispatchEvent(new Event("change"));
wallet.addEventListener("change", tell);

discover(async (found) => {
  wallets.found = found;
  if (!(await wallet.resume(found))) tell();
});

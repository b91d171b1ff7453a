// The user's wallet: found by EIP-6963, asked through EIP-1193. No key ever reaches this page.

const NO_ANSWER_MS = 45_000; // after which the page says that the wallet is silent; it may answer still
const LATE_MS = 400; // until a wallet without EIP-6963 is taken
const REMEMBERED = "quorate.wallet";
const MAX_NAME = 40;
const ICON = /^data:image\/(png|svg\+xml|webp|gif|jpeg);/;

// What a wallet may answer, and what it means for the person in front of it.
const FAULTS = {
  4001: ["You declined in your wallet.", "Nothing was signed and nothing was sent. You can try again."],
  4100: ["Your wallet does not let this page use that account.", "Connect it again and allow the account."],
  4200: ["Your wallet cannot do this.", "Use another wallet, or the command shown with each action."],
  4900: ["Your wallet is not connected to any network.", "Open it, see that it is online, then try again."],
  4901: ["Your wallet is not connected to this network.", "Open it, choose the network, then try again."],
  4902: ["Your wallet does not know this network.", "Add it in the wallet, then try again."],
  "-32000": ["The network refused the transaction.", "See the reason below; often the account lacks ether for gas."],
  "-32002": ["Your wallet has a question open already.", "Open the wallet and answer it there, then try again."],
  "-32003": ["The network refused the transaction.", "See the reason below."],
  "-32601": ["Your wallet does not know this request.", "Use another wallet, or the command shown with each action."],
  "-32602": ["Your wallet found the request malformed.", "Nothing was signed. Try another wallet."],
  "-32603": ["Your wallet met an error of its own.", "Nothing was signed. Open the wallet, then try again."],
  "-32005": ["Your wallet's network node asks to slow down.", "Wait a minute, then try again."],
};
const UNKNOWN_CHAIN = new Set([4902, -32603]); // some wallets say the second and mean the first

export class WalletFault extends Error {
  constructor(title, advice, code, detail) {
    super(title);
    Object.assign(this, { title, advice, code, detail });
  }
}

export function faultOf(error) {
  if (error instanceof WalletFault) return error;
  const code = error?.code ?? error?.data?.originalError?.code;
  const detail = String(error?.data?.message ?? error?.message ?? error ?? "").slice(0, 300);
  const [title, advice] = FAULTS[code] ?? ["Your wallet answered with an error.", "Nothing is known to be sent."];
  return new WalletFault(title, advice, code, detail);
}

// Wallets that have announced themselves, by uuid. Late and repeated announcements are fine.
export function discover(found) {
  const wallets = new Map();
  const take = (info, provider) => {
    if (!provider || typeof provider.request !== "function" || wallets.has(info.uuid)) return;
    if ([...wallets.values()].some((wallet) => wallet.provider === provider)) return;
    wallets.set(info.uuid, { ...info, provider });
    found([...wallets.values()]);
  };
  window.addEventListener("eip6963:announceProvider", (event) => {
    const { info, provider } = event.detail ?? {};
    if (typeof info?.uuid !== "string") return;
    take(
      {
        uuid: info.uuid.slice(0, 80),
        rdns: String(info.rdns ?? "").slice(0, 80),
        name: String(info.name ?? "").trim().slice(0, MAX_NAME) || "Wallet without a name",
        icon: ICON.test(info.icon) ? info.icon : null,
      },
      provider,
    );
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => {
    if (!wallets.size && window.ethereum)
      take({ uuid: "injected", rdns: "injected", name: "Browser wallet", icon: null }, window.ethereum);
    found([...wallets.values()]);
  }, LATE_MS);
}

// The connection to one wallet. Fires "change" when account or network change, "silent" when it does not answer.
export class Wallet extends EventTarget {
  account = null;
  chainId = null;
  info = null;

  get isConnected() {
    return this.account !== null;
  }

  async connect(info) {
    await this.#take(info, "eth_requestAccounts");
    localStorage.setItem(REMEMBERED, info.rdns);
  }

  // Takes up the wallet that was used before, without a question; false when it has to be asked.
  async resume(wallets) {
    const info = wallets.find((each) => each.rdns && each.rdns === localStorage.getItem(REMEMBERED));
    if (!info || this.isConnected) return false;
    try {
      await this.#take(info, "eth_accounts");
    } catch {
      return false;
    }
    return this.isConnected;
  }

  disconnect() {
    localStorage.removeItem(REMEMBERED);
    this.#follow(null);
    this.#set(null, null);
  }

  // Brings the wallet to the network: by switching, else by adding it. chain: as wallet_addEthereumChain has it.
  async useChain(chain) {
    try {
      await this.request("wallet_switchEthereumChain", [{ chainId: chain.chainId }]);
    } catch (fault) {
      if (!UNKNOWN_CHAIN.has(fault.code)) throw fault;
      await this.request("wallet_addEthereumChain", [chain]);
    }
    this.#set(this.account, await this.request("eth_chainId"));
  }

  // Asks where the wallet is now: not every wallet tells when it is switched.
  async look() {
    const [accounts, chainId] = [await this.request("eth_accounts"), await this.request("eth_chainId")];
    this.#set(accounts?.[0] ?? null, chainId);
  }

  async request(method, params = []) {
    if (!this.info) throw new WalletFault("No wallet is connected.", "Connect one first.", 4100, "");
    let timer;
    const silence = new Promise((resolve) => {
      timer = setTimeout(() => resolve(this.dispatchEvent(new Event("silent"))), NO_ANSWER_MS);
    });
    silence.catch(() => {});
    try {
      return await this.info.provider.request({ method, params });
    } catch (error) {
      throw faultOf(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #take(info, method) {
    this.#follow(info);
    try {
      const accounts = await this.request(method);
      this.#set(accounts?.[0] ?? null, accounts?.length ? await this.request("eth_chainId") : null);
    } catch (fault) {
      this.#follow(null);
      throw fault;
    }
  }

  #onAccounts = (accounts) => this.#set(accounts?.[0] ?? null, this.chainId);
  #onChain = (chainId) => this.#set(this.account, chainId);
  #onDisconnect = () => this.#set(null, null);

  #follow(info) {
    const events = { accountsChanged: this.#onAccounts, chainChanged: this.#onChain, disconnect: this.#onDisconnect };
    for (const [name, heard] of Object.entries(events)) {
      this.info?.provider.removeListener?.(name, heard);
      info?.provider.on?.(name, heard);
    }
    this.info = info;
  }

  #set(account, chainId) {
    const chain = chainId === null ? null : Number(chainId);
    if (account?.toLowerCase() === this.account?.toLowerCase() && chain === this.chainId) return;
    [this.account, this.chainId] = [account, chain];
    this.dispatchEvent(new Event("change"));
  }
}

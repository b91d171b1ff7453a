// Injected before any page script: an EIP-1193 provider whose answers come from the test (tests/web/wallet.py).
(({ uuid, rdns, name, icon, announce }) => {
  const heard = new Map();
  const provider = {
    isTest: true,
    async request({ method, params }) {
      const answer = JSON.parse(await window.__wallet(uuid, JSON.stringify({ method, params: params ?? [] })));
      if (answer.silent) return new Promise(() => {});
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
    on(event, listener) {
      heard.set(event, [...(heard.get(event) ?? []), listener]);
    },
    removeListener(event, listener) {
      heard.set(event, (heard.get(event) ?? []).filter((each) => each !== listener));
    },
  };
  (window.__wallets ??= {})[uuid] = (event, value) => (heard.get(event) ?? []).forEach((each) => each(value));
  const detail = Object.freeze({ info: Object.freeze({ uuid, rdns, name, icon }), provider });
  const say = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
  if (announce === "legacy") window.ethereum = provider;
  else if (announce === "late") setTimeout(say, 1200);
  else if (announce === "twice") {
    window.addEventListener("eip6963:requestProvider", say);
    setTimeout(say, 0);
  } else window.addEventListener("eip6963:requestProvider", say);
})

// The desks: buttons, the scores of a ballot, the progress of an evaluation.

import { chainId, post, upload } from "./api.js";
import { act } from "./act.js";
import { el, say, sayLater, toldFault } from "./dom.js";
import { listText, takeIn } from "./lists.js";
import { bring, save } from "./recovery.js";
import { changed, isAccount, isOnChain, wallet } from "./session.js";
import { Stream } from "./stream.js";

const main = document.getElementById("main");
const desk = () => document.getElementById("desk");
// Scores as typed, until they are sealed: of one account, chain and task. The next account never sees them.
const DRAFT = () => `quorate.draft/${chainId()}/${desk().dataset.account.toLowerCase()}/${desk().dataset.task}`;

function about() {
  return { account: desk().dataset.account, task: desk().dataset.task };
}

const aboutRun = () => ({ account: desk().dataset.account, run: desk().dataset.run });
const chosen = () => document.querySelector("input[name='target']:checked")?.value ?? "";

const RECORDER = () => `quorate.recorder/${chainId()}/${desk().dataset.run}`;

const ANYONE = `0x${"0".repeat(40)}`; // checking a model needs no account
const FILE_OF = { "manifest.json": "manifest", "weights.safetensors": "weights" };

// The folder that was typed, else where the chosen files were uploaded to.
async function folder() {
  const files = [...(document.getElementById("model-files")?.files ?? [])];
  if (!files.length) return document.getElementById("folder").value.trim() || "out/model";
  let place = "";
  for (const file of files) {
    if (!(file.name in FILE_OF)) throw new Error(`${file.name} is neither manifest.json nor weights.safetensors.`);
    const owner = desk().dataset.account || ANYONE;
    place = (await upload(`/act/commit/upload/${desk().dataset.task}/${owner}/${FILE_OF[file.name]}`, file)).done.folder;
  }
  return place;
}

const ACTS = {
  async evaluate() {
    try {
      await post("/act/vote/evaluate", { task: desk().dataset.task });
      watch();
    } catch (error) {
      say(error.message, "bad", error.fix);
    }
  },
  async seal(button) {
    const scores_ppm = readScores();
    if (scores_ppm === null) return;
    const done = await act("/act/vote/seal", { ...about(), scores_ppm }, "Your ballot is sealed.", button);
    if (done) forgetDraft();
    reload(done);
  },
  async open(button) {
    const withdraw = document.getElementById("with-fee")?.checked ?? false;
    reload(await act("/act/vote/open", { ...about(), withdraw }, "Your ballot is opened: it counts.", button));
  },
  async withdraw(button) {
    reload(await act("/act/withdraw", about(), "What the task owed you is yours.", button));
  },
  async "rollback-ask"(button) {
    reload(await act("/act/rollback/ask", aboutRun(), "The nodes are asked.", button));
  },
  async "rollback-name"(button) {
    reload(await act("/act/rollback/name", { ...aboutRun(), target: chosen() }, "You have named a target.", button));
  },
  async "rollback-sign"(button) {
    const recorder = document.getElementById("recorder").value.trim();
    if (!recorder) return say("Write the address of the recorder's server.", "bad", "Whoever records the run knows it; without it, name the entry by a transaction.");
    const given = { ...aboutRun(), target: chosen(), recorder };
    const signed = await act("/act/rollback/sign", given, "", button);
    if (!signed) return;
    try {
      const { done } = await post("/act/rollback/hand", { ...given, signature: signed.signature });
      localStorage.setItem(RECORDER(), recorder);
      sayLater(`The recorder has your vote; it has ${done.signed} now.`, "good");
      location.reload();
    } catch (error) {
      say(error.message, "bad", error.fix);
    }
  },
  async "rollback-carry"(button) {
    reload(await act("/act/rollback/carry", { ...aboutRun(), target: chosen() }, "The run's head is moved back.", button));
  },
  async "model-check"() {
    const place = document.getElementById("checked");
    try {
      const found = (await post("/act/commit/check", { ...about(), account: ANYONE, folder: await folder() })).done;
      place.textContent = `It fits: ${found.weights_bytes.toLocaleString("en")} bytes, labels ${found.labels.join(", ")}, claims ${(found.claimed_ppm / 10_000).toFixed(2)} %.`;
      place.className = "good";
    } catch (error) {
      place.replaceChildren(...toldFault(error));
      place.className = "bad";
    }
  },
  async "model-seal"(button) {
    try {
      reload(await act("/act/commit/seal", { ...about(), folder: await folder() }, "Your model is sealed.", button));
    } catch (error) {
      say(error.message, "bad", error.fix);
    }
  },
  async "model-open"(button) {
    reload(await act("/act/commit/open", about(), "Your model is opened.", button));
  },
  async "model-withdraw"(button) {
    reload(await act("/act/withdraw", about(), "What the task owed you is yours.", button));
  },
  async join(button) {
    reload(await act("/act/pool/join", about(), "You have a seat in the pool.", button));
  },
  async list() {
    const [said, { root }] = [document.getElementById("list-said"), document.getElementById("list").dataset];
    const salt = document.getElementById("list-salt");
    try {
      const found = await takeIn(await listText("list-text", "list-file"), salt && Number(salt.value));
      if ((found.pool ?? found.root) !== root) {
        said.textContent = `This is another list: its ${found.accounts} accounts ${salt ? "with this number make the pool" : "have the root"} ${found.pool ?? found.root}.`;
        said.className = "bad";
        return;
      }
      sayLater(`The list is kept here now: ${found.accounts} accounts.`, "good");
      location.reload();
    } catch (error) {
      said.replaceChildren(...toldFault(error));
      said.className = "bad";
    }
  },
  async export(button) {
    await save(button.dataset.recovers, about(), button);
  },
  async import(button) {
    const { recovers } = button.dataset;
    if (await bring(recovers, about(), button)) {
      sayLater(`The recovery file opens your ${recovers}, and is kept here now.`, "good");
      location.reload();
    }
  },
};

function reload(done) {
  if (done) location.reload();
}

main.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button && button.getAttribute("aria-disabled") !== "true") ACTS[button.dataset.act](button);
});

// Scores in percent, as typed, to parts per million; null where one is not a score.
function readScores() {
  const inputs = [...document.querySelectorAll("input[data-model]")];
  const wrong = inputs.find((input) => !/^\d{1,3}([.,]\d{1,4})?$/.test(input.value.trim()) || ppm(input.value) > 1_000_000);
  if (!wrong) return inputs.map((input) => ppm(input.value));
  say("A score is a percentage from 0 to 100, with up to four decimals.", "bad");
  wrong.setAttribute("aria-invalid", "true");
  wrong.focus();
  return null;
}

function ppm(text) {
  const [whole, part = ""] = text.trim().replace(",", ".").split(".");
  return Number(whole) * 10_000 + Number(part.padEnd(4, "0"));
}

main.addEventListener("input", (event) => {
  if (!event.target.matches("input[data-model]")) return;
  event.target.removeAttribute("aria-invalid");
  const draft = Object.fromEntries([...document.querySelectorAll("input[data-model]")].map((i) => [i.dataset.model, i.value]));
  sessionStorage.setItem(DRAFT(), JSON.stringify(draft));
});

function forgetDraft() {
  sessionStorage.removeItem(DRAFT());
}

function restoreDraft() {
  const draft = JSON.parse(sessionStorage.getItem(DRAFT()) ?? "{}");
  for (const input of document.querySelectorAll("input[data-model]"))
    if (input.dataset.model in draft) input.value = draft[input.dataset.model];
}

// While an evaluation runs: its own events, and the page anew when it is over.
let progress = null;

function watch() {
  if (progress) return;
  progress = new Stream(`/desk/${desk().dataset.task}/progress`, "evaluation");
  progress.addEventListener("evaluation", (message) => {
    const news = JSON.parse(message.data);
    if (news.state === "running") return show(news);
    progress?.stop();
    progress = null;
    location.reload();
  });
}

function show(news) {
  const place = document.getElementById("progress");
  if (!place) return;
  place.hidden = false;
  const share = news.done ? `${((100 * news.correct) / news.done).toFixed(2)} % right so far` : "";
  const at = news.model === null ? "fetching what contributors published" : `model ${news.model + 1} of ${news.models}`;
  const done = `${news.done.toLocaleString("en")} of ${news.of.toLocaleString("en")} samples`;
  place.replaceChildren(
    el("progress", { max: Math.max(1, news.models), value: news.models_done + (news.of ? news.done / news.of : 0), "aria-label": "Evaluation" }),
    el("p", {}, [at, news.of ? done : "", share].filter(Boolean).join(" · ")),
  );
}

// Whose desk this is, against who is connected.
function check() {
  const place = document.getElementById("whose");
  if (!place) return;
  const { account } = desk().dataset;
  if (wallet.isConnected && !account) return location.replace(`${location.pathname}?account=${wallet.account}`);
  const isOther = wallet.isConnected && account && !isAccount(account);
  place.hidden = !isOther;
  if (isOther)
    place.replaceChildren(
      `This is the desk of ${account}; your wallet is at ${wallet.account}. `,
      el("a", { href: `${location.pathname}?account=${wallet.account}` }, "Show the desk of that account"),
    );
  const stop = !account ? "" : !wallet.isConnected ? "Connect your wallet first." : isOther ? "Your wallet is at another account." : !isOnChain() ? "Your wallet is on another network." : "";
  for (const button of document.querySelectorAll("button[data-signs]")) {
    const why = document.getElementById(button.getAttribute("aria-describedby"));
    const rule = button.dataset.why ?? "";
    const text = rule || stop;
    button.setAttribute("aria-disabled", text ? "true" : "false");
    if (why) {
      why.querySelector("[data-rule]").textContent = text;
      why.hidden = !text;
    }
  }
}

function begin() {
  if (!desk()) return;
  restoreDraft();
  const recorder = document.getElementById("recorder");
  if (recorder && !recorder.value) recorder.value = localStorage.getItem(RECORDER()) ?? "";
  check();
  desk().dataset.ready = "";
  if (document.getElementById("progress")?.dataset.state === "running") watch();
}

changed.addEventListener("change", check);
document.addEventListener("quorate:fresh", begin);
begin();

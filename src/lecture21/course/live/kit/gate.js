// A figure that shows the answer to a question stays closed until the reader has answered, or asks to see it without.

import { store } from "./store.js";

/**
 * Close a figure, if there is something to wait for; what it shows in place of its parts is one sentence and a button.
 * @param {typeof import("./frame.js").create} create
 * @param {HTMLElement} figure
 * @param {unknown} question  its number
 * @param {(action: () => void) => void} onRemove
 */
export function gate(create, figure, question, onRemove) {
  if (typeof question !== "string" || !/^\d{1,2}\.\d{1,2}$/.test(question)) return;
  const text = create("span", {}, `This figure shows the answer to question ${question}. Answer it above first. `);
  const button = create("button", { type: "button" }, "Show the figure without an answer");
  const node = create("p", { class: "gate", role: "status" }, text, button);
  figure.querySelector(".title")?.after(node);
  const answer = () => store.get("answers", {})?.[question];
  const open = () => {
    figure.classList.remove("closed");
    button.remove();
    text.textContent = answer() ? `Your answer to question ${question}: ${answer()}` : "";
    node.hidden = !answer();
  };
  const update = () => answer() && open();
  figure.classList.add("closed");
  button.addEventListener("click", open);
  onRemove(store.onChange(update));
  update();
}

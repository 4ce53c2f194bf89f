// The questions before the first message. What is typed stays until the server has taken it.

const root = document.querySelector(".w");
const words = root.dataset;
const form = root.querySelector("[data-before]");
const questions = [...form.querySelectorAll("[data-question]")];
const CONTACTS = ["name", "email", "phone"]; // a site that vouches for her knows them

const control = (question) => question.querySelector("input, select");

/** Show what is to be asked now; return whether that is anything. */
export function arrange({ first, closed, reachable, proven }) {
  for (const question of questions) {
    const { kind, onlyAway } = question.dataset;
    const address = closed && !reachable && kind === "email"; // where else could the answer go?
    question.hidden = !(address || (first && onlyAway === undefined && !(proven && CONTACTS.includes(kind))));
    control(question).required = question.dataset.required !== undefined || address;
  }
  form.hidden = questions.every((question) => question.hidden);
  return !form.hidden;
}

/** Return the answers as a JSON object, "" where nothing is asked, null where one is wrong. */
export function answers() {
  if (form.hidden) return "";
  const asked = questions.filter((question) => !question.hidden);
  const wrong = asked.filter((question) => !check(question));
  if (wrong.length) {
    control(wrong[0]).focus();
    return null;
  }
  return JSON.stringify(Object.fromEntries(asked.map((question) => [question.dataset.question, control(question).value.trim()])));
}

function check(question) {
  const { validity, value } = control(question);
  if (validity.valueMissing || (control(question).required && !value.trim())) return complain(question, words.needed);
  if (validity.typeMismatch) return complain(question, words.noEmail);
  return complain(question, "");
}

/** Say beside a question what is wrong with its answer; true where nothing is. */
function complain(question, problem) {
  const line = question.querySelector("[data-error]");
  line.textContent = problem;
  line.hidden = !problem;
  question.querySelector(".field").classList.toggle("bad", Boolean(problem));
  control(question).setAttribute("aria-invalid", String(Boolean(problem)));
  return !problem;
}

/** Show the form again because the server refused an answer. */
export function refuse(name) {
  const question = questions.find((one) => one.dataset.question === name);
  form.hidden = false;
  if (!question) return;
  question.hidden = false;
  const { kind } = question.dataset;
  const empty = !control(question).value.trim();
  complain(question, empty ? words.needed : kind === "phone" ? words.noPhone : kind === "email" ? words.noEmail : words.needed);
  control(question).focus();
}

export function fill(kept) {
  for (const question of questions) control(question).value = kept[question.dataset.question] ?? "";
}

export function typed() {
  return Object.fromEntries(questions.map((question) => [question.dataset.question, control(question).value]));
}

form.addEventListener("submit", (event) => event.preventDefault());
export { form };

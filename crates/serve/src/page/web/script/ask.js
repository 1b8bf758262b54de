
/* Questions to the server, and what goes wrong with them. */

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, Math.max(milliseconds, 0)); });

/* What a reader is told; `wait` is how many seconds a busy server asks for. */
class Problem extends Error {
  constructor(text, wait = 0) {
    super(text);
    this.wait = wait;
  }
}

function tellProblem(text) {
  byId("problem").hidden = !text;
  byId("problem").replaceChildren(...withCode(text));
}

/* The server's errors begin in lower case and have no full stop. */
function sentence(text) {
  const begun = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/* Sends an image, and gives what is answered. */
async function post(address, blob, signal) {
  const headers = { "Content-Type": blob.type || "application/octet-stream" };
  let response;
  try {
    response = await fetch(address, { method: "POST", body: blob, headers, signal });
  } catch {
    throw new Problem("The server does not answer: is `convnet serve` still running?");
  }
  if (response.status === 401) {
    throw new Problem("The token is missing or wrong: open the address that `convnet serve` printed.");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const wait = response.status === 503 ? Number(response.headers.get("Retry-After")) || 0 : 0;
  throw new Problem(answer?.error ? sentence(answer.error) : `The server answered ${response.status}.`, wait);
}

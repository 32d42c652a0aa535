// The line to the server: one WebSocket for what is seen, fetch for what is asked and done. Knows no cells.
// The token comes in the address behind #, is kept for this tab only, and is taken out of the address line.

const KEPT = `planaria-token-${location.host}`;
const FIRST_RETRY_MS = 500, LAST_RETRY_MS = 8000, REFUSED = 4401;

export function token() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem(KEPT, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT) ?? "";
}

export async function ask(path, body) {
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST", headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    throw new Error(told.error);
  }
  return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : answer.text();
}

async function fetched(path) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token()}` } });
  if (!answer.ok) throw new Error(`${path}: the server answered ${answer.status}`);
  return answer;
}

// The address of a picture that needs the token.
export const picture = async (path) => URL.createObjectURL(await (await fetched(path)).blob());

export const bytes = async (path) => (await fetched(path)).arrayBuffer();

// A whole frame with its loss, if the server says one.
export async function framed(path) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token()}` } });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }))).error);
  const loss = answer.headers.get("X-Loss-Log10");
  return { data: await answer.arrayBuffer(), loss: loss === null ? null : Number(loss) };
}

export const act = (action) => ask("/api/actions", action);

// `on`: { frame(ArrayBuffer), note(object), state("live" | "lost" | "refused") }
export class Link {
  constructor(on) {
    this.on = on;
    this.wait = FIRST_RETRY_MS;
    this.open();
  }

  open() {
    const socket = this.socket = new WebSocket(`ws://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ token: token() }));
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return this.on.frame(data);
      const note = JSON.parse(data);
      if (note.type === "hello") {
        this.wait = FIRST_RETRY_MS;
        this.on.state("live");
      }
      this.on.note(note);
    };
    socket.onclose = ({ code }) => {
      this.on.state(code === REFUSED ? "refused" : "lost");
      if (code === REFUSED) return;
      setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, LAST_RETRY_MS);
    };
  }

  // What has been drawn: the server keeps at most two frames on the way.
  seen(number) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ seen: number }));
  }
}

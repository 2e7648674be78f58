// Server-sent events (WHATWG HTML section 9.2) from a body of fetch, since EventSource cannot send a token in a header. The fields
// "id" and "retry" are read and ignored: Nod's streams begin with the present state.
import { UnexpectedAnswerError } from "./errors.js";

/** One event of a stream. */
export interface ServerEvent {
  /** "message" when the stream gives none. */
  type: string;
  data: string;
}

const limit = 64 << 10; // characters that may be held: far over any event of the browser API

/**
 * readEvents yields the events of a body; an event whose end did not arrive is not one. heard is called for whatever arrives, comments
 * included.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<ServerEvent, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // drops a byte order mark at the beginning
  const event = new Pending();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      rest += decoder.decode(value, { stream: true });
      // A carriage return at the end may have its line feed in the next piece.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        const found = event.take(line);
        if (found) yield found;
      }
      if (rest.length + event.size > limit) throw new UnexpectedAnswerError(200, "an event is too large");
    }
  } finally {
    reader.cancel().catch(() => {}); // the stream may have failed already
  }
}

class Pending {
  private type = "";
  private data: string[] = [];
  size = 0;

  /** take adds a line; an empty one ends an event. Without data there is no event. */
  take(line: string): ServerEvent | undefined {
    if (line === "") {
      const found = this.data.length > 0 ? { type: this.type || "message", data: this.data.join("\n") } : undefined;
      this.type = "";
      this.data = [];
      this.size = 0;
      return found;
    }
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (name === "event") this.type = value;
    if (name === "data") {
      this.data.push(value);
      this.size += value.length + 1;
    }
    return undefined;
  }
}

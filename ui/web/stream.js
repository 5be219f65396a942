// The live stream: server-sent events read by fetch, since EventSource does not tell a refused session from a lost connection. It reconnects
// with a back-off and Last-Event-ID, and reports a lost connection at once. It never polls.

// The router sends something every 2 s. When two signs of life are missing and a bit more, what is shown may be old; when many are, the
// connection is given up.
const LATE_MS = 5_000;
const SILENCE_MS = 15_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 10_000;

/** Cuts a text/event-stream into events `{event, id, data}` (WHATWG HTML, section 9.2.6). Feed it text as it arrives. */
export class EventParser {
	constructor() {
		this.rest = '';
		this.id = '';
		this.reset();
	}

	reset() {
		this.event = 'message';
		this.lines = [];
	}

	/** Takes a piece of the stream and gives the events that it completes. */
	push(text) {
		const events = [];
		this.rest += text;
		// A CR at the very end may be half of a CRLF: it waits for the next piece.
		for (let match; (match = /\r\n|\n|\r(?=[^])/.exec(this.rest));) {
			const line = this.rest.slice(0, match.index);
			this.rest = this.rest.slice(match.index + match[0].length);
			if (line === '') this.finishEvent(events);
			else this.readField(line);
		}
		return events;
	}

	finishEvent(events) {
		if (this.lines.length > 0) events.push({ event: this.event, id: this.id, data: this.lines.join('\n') });
		this.reset();
	}

	readField(line) {
		const colon = line.indexOf(':');
		const name = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
		if (name === 'data') this.lines.push(value);
		else if (name === 'event') this.event = value || 'message';
		else if (name === 'id' && !value.includes('\0')) this.id = value;
	}
}

/** The wait in ms before an attempt, counted from 0. It is spread, so that many pages do not come back at once. */
export function backoff(attempt, random = Math.random) {
	const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 10));
	return Math.round(full * (0.5 + random() / 2));
}

/**
 * Follows `url` until `close()`. Calls `onOpen`, `onHeard` when bytes arrive, `onLate` when none have for a while, `onEvent({event, id, data})`,
 * `onLost({reason, retryMs})`, and `onDenied` after a 401, which ends it. `retry()` tries again at once after a loss. `pause()` lets the
 * connection go without calling it lost; `resume()` goes on after the last event.
 */
export function follow({
	url,
	onOpen,
	onEvent,
	onHeard,
	onLate = () => {},
	onLost,
	onDenied,
	fetch = globalThis.fetch.bind(globalThis),
	random = Math.random,
}) {
	let closed = false;
	let paused = false;
	let lastId = '';
	let attempt = 0;
	let retryTimer = null;
	let current = null;

	async function connect() {
		retryTimer = null;
		const control = new AbortController();
		current = control;
		let silenceTimer = null;
		let lateTimer = null;
		const stopTimers = () => [silenceTimer, lateTimer].forEach(clearTimeout);
		const restartSilenceTimer = () => {
			stopTimers();
			lateTimer = setTimeout(onLate, LATE_MS);
			silenceTimer = setTimeout(() => control.abort(new Error('the router has sent nothing for 15 s')), SILENCE_MS);
		};
		let reason = 'the router closed the connection';
		try {
			restartSilenceTimer();
			const headers = { Accept: 'text/event-stream' };
			if (lastId) headers['Last-Event-ID'] = lastId;
			const answer = await fetch(url, { headers, cache: 'no-store', signal: control.signal });
			if (answer.status === 401) {
				closed = true;
				onDenied();
				return;
			}
			if (!answer.ok) throw new Error(`the router answered ${answer.status}`);
			onOpen();
			await read(answer.body.getReader(), restartSilenceTimer);
		} catch (error) {
			reason = control.signal.reason?.message ?? (error instanceof TypeError ? 'the router cannot be reached' : error.message);
		} finally {
			stopTimers();
		}
		if (closed || current !== control) return;
		const retryMs = backoff(attempt, random);
		attempt += 1;
		onLost({ reason, retryMs });
		retryTimer = setTimeout(connect, retryMs);
	}

	async function read(reader, restartSilenceTimer) {
		const parser = new EventParser();
		const decoder = new TextDecoder();
		for (;;) {
			const { done, value } = await reader.read();
			if (done || closed || paused) return;
			attempt = 0;
			restartSilenceTimer();
			onHeard();
			for (const event of parser.push(decoder.decode(value, { stream: true }))) {
				if (event.id) lastId = event.id;
				onEvent(event);
			}
		}
	}

	/** Ends what is under way without reporting a loss. */
	function abandon() {
		clearTimeout(retryTimer);
		retryTimer = null;
		const control = current;
		current = null;
		control?.abort();
	}

	connect();
	return {
		pause() {
			if (closed || paused) return;
			paused = true;
			abandon();
		},
		resume() {
			if (closed || !paused) return;
			paused = false;
			attempt = 0;
			connect();
		},
		close() {
			closed = true;
			abandon();
		},
		retry() {
			if (closed || retryTimer === null) return;
			clearTimeout(retryTimer);
			attempt = 0;
			connect();
		},
	};
}

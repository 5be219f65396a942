// The newest events of an app, asked for when the stream tells of a change, at most once a second.

const SPACING_MS = 1000;

/** `follow(seq)` says which seq is shown; `events()` are the newest, which become markers too. */
export function recentHistory({ api, store, app, limit }) {
	let events = [];
	let wanted = null;
	let held = null;
	let asking = false;
	let askedAt = 0;

	async function ask() {
		asking = true;
		askedAt = Date.now();
		const aim = wanted;
		try {
			events = (await api.history(app, { limit })).events;
			events.forEach((event) => store.mark(app, event));
			held = aim;
			store.touch();
		} catch {
			// The connection's own state tells the reader; the next change asks again.
			held = aim;
		} finally {
			asking = false;
			if (wanted !== held) later();
		}
	}

	function later() {
		setTimeout(
			() => {
				if (!asking && wanted !== held) ask();
			},
			Math.max(0, askedAt + SPACING_MS - Date.now()),
		);
	}

	return {
		events: () => events,
		follow(seq) {
			if (seq === wanted) return;
			wanted = seq;
			if (!asking) later();
		},
	};
}
